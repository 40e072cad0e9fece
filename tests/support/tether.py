"""Becomes another program that dies with the process which started it.

Run as `python tether.py <parent pid> <user or -> <program> <arguments...>`. A launcher and not a
`preexec_fn`, because Python 3.12 warns when a process with threads forks into Python code. The order
matters: Linux forgets the death signal when the user changes.
"""

import ctypes
import os
import pwd
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Change the user, ask for SIGKILL at the parent's death, and become the program."""
    parent, user, *command = sys.argv[1:]
    if user != "-":
        _become(user)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != int(parent):
            raise SystemExit("the process that started this one is gone already")
    os.execvp(command[0], command)  # noqa: S606 - becoming another program is what this file is for


def _become(user: str) -> None:
    """Drop root for good."""
    account = pwd.getpwnam(user)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


if __name__ == "__main__":
    main()

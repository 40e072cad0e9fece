"""A child process that tests start, wait for, freeze, kill with -9 and start again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

_TETHER = Path(__file__).with_name("tether.py")
# Where Debian and Homebrew keep servers; a plain user's PATH has no sbin.
_PLACES = ("/usr/sbin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/sbin", "/opt/homebrew/bin")
# Linux ties "dies with its parent" to the thread that forked, so one thread that lives to the end forks all.
_forks = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forks")


class DidNotStartError(RuntimeError):
    """A process ended, or was not ready in time; the message carries the tail of its log."""


class Process:
    """One program with its folder and its log, startable again and again.

    Args:
        command: the program (absolute, or on the PATH) and its arguments.
        folder: its working directory, made if missing; `<name>.log` there collects both its outputs.
        name: what failures call it.
        ready: says whether it can be spoken to; asked until it says yes. None: it is ready once it runs.
        env: its whole environment; None hands on ours.
        user: the user to run as, where we are root.
        stop_signal: what `stop` sends first.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        folder: Path,
        *,
        name: str,
        ready: Callable[[], bool] | None = None,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.command = [str(part) for part in command]
        self.folder = folder
        self.name = name
        self.log = folder / f"{name}.log"
        self._ready = ready
        self._env = env
        self._user = user
        self._stop_signal = stop_signal
        self._child: subprocess.Popen[bytes] | None = None
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the last start.

        Raises:
            RuntimeError: it was never started.
        """
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """What it ended with, negative for a signal; None while it runs or before it was started."""
        return None if self._child is None else self._child.poll()

    def start(self, *, within: float = 30.0) -> None:
        """Start it and return when it is ready.

        Args:
            within: seconds it has until then.

        Raises:
            DidNotStartError: it ended, or the time was over; it no longer runs then.
        """
        if self.running:
            raise RuntimeError(f"{self.name} runs already, as process {self.pid}")
        self._child = _forks.submit(self._fork).result()
        try:
            self._wait_until_ready(time.monotonic() + within)
        except BaseException:
            self.kill()
            raise

    def stop(self, *, within: float = 10.0) -> int | None:
        """Ask it to end, and kill it when it has not after that many seconds; return its exit code."""
        if self._child is None:
            return None
        if self.running:
            family = descendants(self.pid)
            self._child.send_signal(self._stop_signal)
            self.thaw()
            try:
                self._child.wait(within)
            except subprocess.TimeoutExpired:
                self.kill()
            _wait_until_gone(family)
        return self._child.wait()

    def kill(self) -> None:
        """End it as `kill -9` does, and return when it and the processes it made are gone."""
        if self._child is None:
            return
        family = descendants(self.pid) if self.running else ()
        self._child.kill()
        self._child.wait()
        _wait_until_gone(family)

    def restart(self) -> None:
        """Stop it if it runs, and start it with the same command in the same folder."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop the world for it: it keeps its sockets and answers nobody."""
        self._signal_if_running(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process run on."""
        self._signal_if_running(signal.SIGCONT)

    def wait(self, *, within: float) -> int:
        """Wait until it ends by itself, and return its exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs after that many seconds.
        """
        if self._child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._child.wait(within)

    def log_tail(self, lines: int = 30) -> str:
        """Return the last lines of what it wrote."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:]) or "(it wrote nothing)"

    def _fork(self) -> subprocess.Popen[bytes]:
        """Start the program through the tether, in a session of its own: Ctrl-C is for us alone."""
        tether = [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), self._user or "-"]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                tether + self.command,
                cwd=self.folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _wait_until_ready(self, deadline: float) -> None:
        """Ask until it is ready; say why when it will not be."""
        while self.running:
            if self._ready is None or self._ready():
                return
            if time.monotonic() > deadline:
                raise DidNotStartError(f"{self.name} was not ready in time; its log ends:\n{self.log_tail()}")
            time.sleep(0.01)
        raise DidNotStartError(
            f"{self.name} ended with {self.exit_code} before it was ready; its log ends:\n{self.log_tail()}"
        )

    def _signal_if_running(self, what: signal.Signals) -> None:
        if self._child is not None and self.running:
            self._child.send_signal(what)


def find_or_skip(program: str, package: str) -> Path:
    """Return where the program is, or skip the test with a sentence that says what to install."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_PLACES])
    found = shutil.which(program, path=path)
    if found is None:
        pytest.skip(f"{program} is not installed: this test needs the package {package}")
    return Path(found)


def descendants(pid: int) -> tuple[int, ...]:
    """Return the processes that this one made, and those that they made; nothing where /proc is absent."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue  # it ended while we looked
        children.setdefault(parent, []).append(int(stat.parent.name))
    found: list[int] = []
    wanted = [pid]
    while wanted:
        born = children.get(wanted.pop(), [])
        found += born
        wanted += born
    return tuple(found)


def lives(pid: int) -> bool:
    """Say whether a process of that id exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        if Path("/proc/self").exists():
            return False
        return _answers_signal(pid)
    return state != "Z"


def _answers_signal(pid: int) -> bool:
    """Ask the kernel, where there is no /proc."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _wait_until_gone(pids: Sequence[int]) -> None:
    """Wait for what a killed process leaves: PostgreSQL's workers go by themselves a moment later."""
    deadline = time.monotonic() + 10
    while any(lives(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)

"""The live picture, on a real pseudo-terminal."""

import fcntl
import os
import pty
import re
import struct
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from own_platform import KORAT, Platform

from api.settings import ApiSettings
from korat.settings import CitySettings, PlatformSettings
from korat.view import welcome

ROW = re.compile(r"│\s+[\d,]+\s+([\d,]+)\s+([\d,]+)" + r"\s+[\d,]+" * 6 + r"\s+│")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@dataclass
class Terminal:
    """What a person at the terminal sees, and types."""

    master: int
    pid: int
    raw: str = ""
    code: int | None = field(default=None)

    def read_until(self, text: re.Pattern[str], within_s: float = 20.0) -> None:
        deadline = time.monotonic() + within_s
        while not text.search(self.raw):
            assert time.monotonic() < deadline, self.raw[-2000:]
            assert self.read(), self.raw[-2000:]

    def read(self) -> bool:
        try:
            more = os.read(self.master, 65_536)
        except OSError:  # Linux says so when the other side is closed
            return False
        self.raw += more.decode(errors="replace")
        return bool(more)

    def end(self) -> float:
        """Press Ctrl-C; seconds until the process is gone."""
        began = time.monotonic()
        os.write(self.master, b"\x03")
        while self.read():
            pass
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return time.monotonic() - began


@contextmanager
def terminal(platform: Platform, *command: str) -> Iterator[Terminal]:
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm", "LANG": "C.UTF-8", **platform.environment}
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 110, 0, 0))
    # a program of its own and not os.fork, because pytest has threads
    login = ["/usr/bin/setsid", "--ctty", str(KORAT), *command]
    actions = [(os.POSIX_SPAWN_DUP2, slave, number) for number in (0, 1, 2)]
    pid = os.posix_spawn(login[0], login, environment, file_actions=[*actions, (os.POSIX_SPAWN_CLOSE, master)])
    os.close(slave)
    seen = Terminal(master, pid)
    try:
        yield seen
    finally:
        if seen.code is None:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        os.close(master)


@pytest.mark.skipif(not os.path.exists("/usr/bin/setsid"), reason="needs setsid of util-linux")  # noqa: PTH110 - a marker
def test_the_picture_appears_changes_and_leaves_a_clean_screen(platform: Platform) -> None:
    with terminal(platform, "up") as seen:
        seen.read_until(re.compile("parts"))
        seen.read_until(re.compile(r"up\S* +store"))
        first = seen.raw
        seen.read_until(ROW)
        numbers = {row.group(1) for row in ROW.finditer(ESCAPE.sub("", first + seen.raw))}
        while len(numbers) < 3:
            assert seen.read()
            numbers = {row.group(1) for row in ROW.finditer(ESCAPE.sub("", seen.raw))}
        assert seen.end() < 5
    assert seen.code == 0
    assert seen.raw.rindex("\x1b[?25h") > seen.raw.rindex("\x1b[?25l")  # the cursor is back
    last_drawn, farewell = seen.raw.rindex("─╯"), seen.raw.rindex("Stopped. Of ")
    rows_drawn = seen.raw[seen.raw.rindex("── parts") : last_drawn].count("\r\n") + 1
    assert seen.raw[last_drawn:farewell].count("\x1b[1A\x1b[2K") == rows_drawn
    assert "Not settled yet" in seen.raw
    assert "Traceback" not in seen.raw
    log = (platform.folder / "korat.log").read_text()
    assert "mqtt connected session=gateway" in log
    assert "mqtt connected session=gateway" not in seen.raw


@pytest.mark.skipif(not os.path.exists("/usr/bin/setsid"), reason="needs setsid of util-linux")  # noqa: PTH110 - a marker
def test_a_terminal_that_is_closed_stops_it_cleanly(platform: Platform) -> None:
    with terminal(platform, "up") as seen:
        seen.read_until(ROW)
        os.close(seen.master)
        seen.code = os.waitstatus_to_exitcode(os.waitpid(seen.pid, 0)[1])
        seen.master = os.open(os.devnull, os.O_RDONLY)
    assert seen.code == 0


def test_the_welcome_says_of_each_door_whom_it_lets_in(tmp_path: Path) -> None:
    settings = replace(PlatformSettings.load(), city=CitySettings(data=tmp_path))
    lines = welcome(settings, demo=False)
    assert sum("open, without a password, to everybody on this machine" in line for line in lines) == 3
    settings = replace(settings, api=ApiSettings(keys_file="keys"))
    (tmp_path / "gateway.toml").write_text(
        f'[[input.http]]\n[[input.http.token]]\nname = "a"\nhash = "sha256:{"0" * 63}1"\n'
    )
    lines = welcome(settings, demo=False)
    assert [line.partition(": ")[2] for line in lines if "API:" in line or "gateway:" in line] == ["asks for a key"] * 2
    assert sum("open" in line for line in lines) == 1

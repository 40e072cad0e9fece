"""What `korat up` shows: a live picture on a terminal, a line now and then elsewhere."""

import asyncio
import errno
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import structlog
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from city.errors import KoratError
from city.ledger.port import Account
from city.network import is_loopback
from korat import logs
from korat.backends import Backends
from korat.inspect import HOURS, figures, recent_account
from korat.services import ReadinessChecks, gateway_has_tokens, gateway_http
from korat.settings import PlatformSettings

log = structlog.get_logger("korat")

PERIOD_S: Final = 1.0
LINE_S: Final = 30.0
SHARE: Final = 20
"""The ledger is asked for at most one part in this of the time, however long its answer takes."""


class _Screen(Console):
    """A console that raises when its reader is gone; rich's own would end the process."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, "the pipe is closed")


@dataclass(slots=True)
class View:
    """Draws the state of the platform every second."""

    console: Console = field(default_factory=lambda: _Screen(file=sys.stdout))
    _stored: int = 0
    _counted_s: float = 0.0
    _rate: float = 0.0
    _cost_s: float = 0.0

    async def run(
        self,
        settings: PlatformSettings,
        backends: Backends,
        checks: ReadinessChecks,
        stop: asyncio.Event,
        *,
        demo: bool,
    ) -> None:
        """Draw until `stop` is set. The platform goes on when the terminal or pipe is gone."""
        try:
            if self.console.file.isatty() and not self.console.is_dumb_terminal:
                await self._live(settings, backends, checks, stop, demo=demo)
            else:
                await self._lines(settings, backends, stop, demo=demo)
        except OSError as error:
            log.warning("the output has no reader", error=str(error))
            await stop.wait()

    def print_lines(self, lines: Iterable[str]) -> None:
        """Print plain sentences, as long as the output has a reader."""
        try:
            for line in lines:
                self.console.print(line, highlight=False, markup=False, soft_wrap=True)
        except OSError as error:
            log.warning("the output has no reader", error=str(error))

    async def _live(
        self,
        settings: PlatformSettings,
        backends: Backends,
        checks: ReadinessChecks,
        stop: asyncio.Event,
        *,
        demo: bool,
    ) -> None:
        panel = Panel("\n".join(welcome(settings, demo=demo)), title=f"Korat, {settings.city.province}", expand=False)
        self.console.print(panel, highlight=False)
        log_file = settings.data / "korat.log"
        with logs.into_file(log_file), Live(console=self.console, auto_refresh=False, transient=True) as live:
            while not stop.is_set():
                live.update(await self._picture(backends, checks), refresh=True)
                await _pause(stop, max(PERIOD_S, SHARE * self._cost_s))

    async def _lines(self, settings: PlatformSettings, backends: Backends, stop: asyncio.Event, *, demo: bool) -> None:
        self.print_lines([f"Korat, {settings.city.province}", *welcome(settings, demo=demo)])
        period_s = PERIOD_S
        while not await _pause(stop, max(period_s, SHARE * self._cost_s)):
            self.print_lines([await self._line(backends)])
            period_s = LINE_S

    async def _picture(self, backends: Backends, checks: ReadinessChecks) -> Group:
        parts = Table.grid(padding=(0, 3))
        for name, check in {"store": backends.store.ping, "ledger": backends.ledger.ping, **checks}.items():
            try:
                async with asyncio.timeout(1):
                    await check()
            except (KoratError, TimeoutError) as error:
                parts.add_row(Text("down", "bold red"), name, Text(str(error) or "no answer", "red"))
            else:
                parts.add_row(Text("up", "green"), name, "")
        numbers = Table(box=None, pad_edge=False)
        try:
            account = await self._account(backends)
        except KoratError as error:
            numbers.add_row(Text(f"the ledger does not answer: {error}", "red"))
        else:
            cells = {"readings/s": round(self._rate), **figures(account)}
            for name in cells:
                numbers.add_column(name, justify="right")
            numbers.add_row(*[f"{value:,}" for value in cells.values()])
        clock = time.strftime("%H:%M:%S")
        return Group(
            Panel(parts, title="parts"), Panel(numbers, title=f"last {HOURS} hours, {clock}"), *map(Text, logs.recent)
        )

    async def _line(self, backends: Backends) -> str:
        clock = time.strftime("%H:%M:%S")
        try:
            account = await self._account(backends)
        except KoratError as error:
            return f"{clock} the ledger does not answer: {error}"
        return f"{clock} " + ", ".join(f"{name} {value:,}" for name, value in figures(account).items())

    async def _account(self, backends: Backends) -> Account:
        began = time.monotonic()
        account = await recent_account(backends.ledger)
        now = time.monotonic()
        self._cost_s = now - began
        if self._counted_s:
            # the oldest hour leaves the sum when a new one begins
            self._rate = max(0, account.counts.stored - self._stored) / (now - self._counted_s)
        self._stored, self._counted_s = account.counts.stored, now
        return account


async def _pause(stop: asyncio.Event, seconds: float) -> bool:
    """Wait; true when it's time to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True


def _open_to(host: str, *, asks: bool) -> str:
    where = "on" if is_loopback(host) else "who reaches"
    return "asks for a key" if asks else f"open, without a password, to everybody {where} this machine"


def welcome(settings: PlatformSettings, *, demo: bool) -> list[str]:
    """Say where everything is, and whom each door lets in."""
    api = f"http://{settings.api.host}:{settings.api.port}"
    host, port = gateway_http(settings)
    return [
        f"console   {api}/",
        f"devices   {api}/v1/devices",
        f"broker    mqtt://127.0.0.1:{settings.mqtt.port}",
        f"gateway   http://{host}:{port}/ingest/native",
        f"data      {settings.data}",
        f"city      {'simulated readings are flowing' if demo else 'no simulation (--no-demo)'}",
        f"access    API: {_open_to(settings.api.host, asks=bool(settings.api.keys_file))}",
        f"          gateway: {_open_to(host, asks=gateway_has_tokens(settings))}",
        f"          broker: {_open_to('127.0.0.1', asks=False)}",
        "Ctrl-C stops.",
    ]

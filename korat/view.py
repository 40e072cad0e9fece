"""What `korat up` shows: a live picture on a terminal, a line now and then elsewhere."""

import asyncio
import sys
import time
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from city.errors import KoratError
from city.ledger.port import Account, By
from ingest.run import Checks
from korat import logs
from korat.settings import Everything
from korat.stack import Stack

HOUR_NS: Final = 3_600 * 10**9
PERIOD_S: Final = 1.0
LINE_S: Final = 30.0


@dataclass(slots=True)
class View:
    """Draws the state of the platform every second."""

    console: Console = field(default_factory=lambda: Console(file=sys.stdout))
    _stored: int = 0
    _seen_at: float = 0.0
    _rate: float = 0.0

    async def run(self, settings: Everything, stack: Stack, checks: Checks, stop: asyncio.Event, *, demo: bool) -> None:
        """Draw until `stop` is set."""
        self.console.print(_welcome(settings, demo=demo))
        if self.console.is_terminal:
            with Live(console=self.console, refresh_per_second=4, transient=True) as live:
                while not await _pause(stop, PERIOD_S):
                    live.update(await self._picture(stack, checks))
        else:
            period = PERIOD_S
            while not await _pause(stop, period):
                self.console.print(await self._line(stack))
                period = LINE_S
        self.console.print("Stopped; nothing was lost.")

    async def _picture(self, stack: Stack, checks: Checks) -> Group:
        parts = Table.grid(padding=(0, 3))
        for name, check in {"store": stack.store.ping, "ledger": stack.ledger.ping, **checks}.items():
            try:
                async with asyncio.timeout(1):
                    await check()
            except (KoratError, TimeoutError) as error:
                parts.add_row(Text("down", "bold red"), name, Text(str(error), "red"))
            else:
                parts.add_row(Text("up", "green"), name, "")
        account = await self._account(stack)
        numbers = Table(box=None, pad_edge=False)
        cells = {"readings/s": round(self._rate), **figures(account)}
        for name in cells:
            numbers.add_column(name, justify="right")
        numbers.add_row(*[f"{value:,}" for value in cells.values()])
        return Group(Panel(parts, title="parts"), Panel(numbers, title="last 24 hours"), *map(Text, logs.recent))

    async def _line(self, stack: Stack) -> str:
        return ", ".join(f"{name} {value:,}" for name, value in figures(await self._account(stack)).items())

    async def _account(self, stack: Stack) -> Account:
        now_ns = time.time_ns()
        (account,) = await stack.ledger.account(now_ns - 24 * HOUR_NS, now_ns + HOUR_NS, By.TOTAL)
        now = time.monotonic()
        if self._seen_at:
            self._rate = (account.counts.stored - self._stored) / (now - self._seen_at)
        self._stored, self._seen_at = account.counts.stored, now
        return account


def figures(account: Account) -> dict[str, int]:
    """The ledger's seven numbers, in their order."""
    counts = account.counts
    return {
        "received": counts.received,
        "stored": counts.stored,
        "duplicate": counts.duplicate,
        "quarantined": counts.quarantined,
        "rejected": counts.rejected,
        "pending": account.pending,
        "gaps": account.gaps,
    }


async def _pause(stop: asyncio.Event, seconds: float) -> bool:
    """Wait; true when it's time to stop."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True


def _welcome(settings: Everything, *, demo: bool) -> Panel:
    api = f"http://{settings.api.host}:{settings.api.port}"
    lines = [
        f"console   {api}/",
        f"devices   {api}/v1/devices",
        f"broker    mqtt://127.0.0.1:{settings.mqtt.port}",
        f"gateway   http://{settings.gateway.http_host}:{settings.gateway.http_port}/ingest/native",
        f"data      {settings.data}",
        f"city      {'simulated readings are flowing' if demo else 'no simulation (--no-demo)'}",
        "Loopback only, open to everybody on this machine. Ctrl-C stops.",
    ]
    return Panel("\n".join(lines), title=f"Korat, {settings.city.province}", expand=False)

"""Store, ledger and registry, opened together and closed whatever happens."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from city.backoff import Backoff
from city.errors import Unavailable
from city.ledger import open_ledger
from city.ledger.port import Ledger
from city.registry import open_registry
from city.registry.port import Registry
from city.store import open_store
from city.store.port import Store
from korat.process import Process
from korat.settings import PlatformSettings

log = structlog.get_logger("korat")

T = TypeVar("T")

_REMIND_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Backends:
    """What ingest writes to and the API reads."""

    store: Store
    ledger: Ledger
    registry: Registry


@asynccontextmanager
async def open_backends(settings: PlatformSettings, process: Process) -> AsyncIterator[Backends]:
    """Open all three; servers may start in any order, so one that doesn't answer yet is waited for.

    Args:
        settings: Where they are.
        process: Whose signals end the waiting.

    Raises:
        ConfigurationError: A URL is wrong.
        Broken: A file is damaged, or held by another process.
        Stopped: A signal came first.
    """
    async with AsyncExitStack() as closing:
        store = await _open("store", lambda: open_store(settings.store_url), process)
        closing.push_async_callback(store.aclose)
        ledger = await _open(
            "ledger", lambda: open_ledger(settings.ledger_url, settings.ingest.quarantine_bounds()), process
        )
        closing.push_async_callback(ledger.aclose)
        registry = await _open("registry", lambda: open_registry(settings.ledger_url), process)
        closing.push_async_callback(registry.aclose)
        yield Backends(store, ledger, registry)


async def _open(name: str, opening: Callable[[], Awaitable[T]], process: Process) -> T:
    backoff = Backoff()
    last_error, waited_s = "", 0.0
    while True:
        try:
            return await process.unless_stopped(opening())
        except Unavailable as error:
            delay_s = max(backoff.next(), 0.05)
            if str(error) != last_error or waited_s > _REMIND_S:
                log.warning("waiting", part=name, error=str(error))
                last_error, waited_s = str(error), 0.0
            waited_s += delay_s
            await process.unless_stopped(asyncio.sleep(delay_s))

"""Store, ledger and registry, opened together and closed whatever happens."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from city.ledger import open_ledger
from city.ledger.port import Ledger
from city.registry import open_registry
from city.registry.port import Registry
from city.store import open_store
from city.store.port import Store
from korat.settings import Everything


@dataclass(frozen=True, slots=True)
class Stack:
    """What ingest writes to and the API asks."""

    store: Store
    ledger: Ledger
    registry: Registry


@asynccontextmanager
async def open_stack(settings: Everything) -> AsyncIterator[Stack]:
    """Open all three.

    Raises:
        ConfigurationError: A URL is wrong.
        Broken: A file is damaged, or held by another process.
        Unavailable: A server doesn't answer.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as closing:
        store = await open_store(settings.store_url)
        closing.push_async_callback(store.aclose)
        ledger = await open_ledger(settings.ledger_url)
        closing.push_async_callback(ledger.aclose)
        registry = await open_registry(settings.ledger_url)
        closing.push_async_callback(registry.aclose)
        yield Stack(store, ledger, registry)

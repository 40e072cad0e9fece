"""Ingest inside the test's own process, over real parts: a mosquitto, a DuckDB file, a SQLite ledger."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry

from city import topics
from city.ledger import open_ledger
from city.ledger.port import By, Ledger
from city.mqtt import Address, Session
from city.outcomes import Counts
from city.reading import Reading
from city.registry import open_registry
from city.registry.port import Registry
from city.store import open_store
from city.store.port import LatestQuery, Only, Store
from city.wire.pack import Undecoded
from ingest.load import Decode
from ingest.run import Checks, run
from ingest.settings import IngestSettings
from support.mosquitto import Mosquitto
from support.own_city import City

PROVINCE = "th-30"
NOW_MS = time.time_ns() // 10**6


@dataclass
class Platform:
    """What a test may look at."""

    store: Store
    ledger: Ledger
    registry: Registry
    client: Session
    checks: Checks = field(default_factory=dict)
    metrics: CollectorRegistry = field(default_factory=CollectorRegistry)

    async def counts(self) -> Counts:
        now_ns = time.time_ns()
        (account,) = await self.ledger.account(0, now_ns + 3600 * 10**9, By.TOTAL)
        return account.counts

    async def until(self, truth: Callable[[], Awaitable[bool]], within_s: float = 10.0) -> None:
        async with asyncio.timeout(within_s):
            while not await truth():
                await asyncio.sleep(0.02)

    async def received(self, readings: int) -> Counts:
        async def enough() -> bool:
            return (await self.counts()).received >= readings

        await self.until(enough)
        counts = await self.counts()
        assert counts.is_balanced(), counts
        return counts

    async def send(self, kind: str, device: str, payload: bytes | dict[str, object] | list[object]) -> None:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        await self.client.publish(topics.direct(PROVINCE, kind, device), body)

    async def latest(self, device: str) -> dict[str, tuple[int, float, int]]:
        answers = await self.store.latest(LatestQuery(devices=Only.of(device)))
        return {key: tuple(value) for answer in answers for key, value in answer.values.items()}


def no_decoder(origin: str, payload: bytes, received_ns: int) -> tuple[list[Reading], list[Undecoded]]:
    raise AssertionError((origin, payload, received_ns))


@asynccontextmanager
async def platform(
    broker: Mosquitto | City,
    folder: Path,
    *,
    ledger_folder: Path | None = None,
    workers: int = 1,
    address: Address | None = None,
    wrap: Callable[[Store], Store] = lambda store: store,
    wrap_ledger: Callable[[Ledger], Ledger] = lambda ledger: ledger,
    decode: Decode = no_decoder,
    read_clock: Callable[[], int] = time.time_ns,
    ledger_url: str = "",
    **settings: object,
) -> AsyncIterator[Platform]:
    """Run ingest for the length of a test: its ledger in `folder` and without a password unless others are given."""
    address = address or Address("127.0.0.1", broker.port)
    store = await open_store(f"duckdb:///{folder / 'readings.duckdb'}")
    url = ledger_url or f"sqlite:///{(ledger_folder or folder) / 'ledger.sqlite'}"
    checks: Checks = {}
    metrics = CollectorRegistry()
    bounds = IngestSettings.model_validate(settings).quarantine_bounds()
    ledgers = [await open_ledger(url, bounds) for _ in range(workers)]
    registry = await open_registry(url)
    stop = asyncio.Event()
    try:
        async with Session(address, client_id="test", session_expiry_s=0) as client, asyncio.TaskGroup() as group:
            for number, ledger in enumerate(ledgers):
                group.create_task(
                    run(
                        IngestSettings.model_validate(
                            {"worker": str(number), "workers": workers, "flush_ms": 50, **settings}
                        ),
                        address=address,
                        store=wrap(store),
                        ledger=wrap_ledger(ledger),
                        registry=registry,
                        decode=decode,
                        stop=stop,
                        checks=checks,
                        metrics=metrics if number == 0 else None,
                        read_clock=read_clock,
                    )
                )
            await client.connected()
            await _subscribed(client, workers)
            yield Platform(store, ledgers[0], registry, client, checks, metrics)
            stop.set()
    finally:
        for ledger in ledgers:
            await ledger.aclose()
        await registry.aclose()
        await store.aclose()


async def _subscribed(client: Session, workers: int) -> None:
    """Wait until ingest listens: every worker answers a status, which changes nothing."""
    for _ in range(workers):
        while not await client.publish("city/th-30/gateway/nobody/receipt", b""):
            await asyncio.sleep(0.02)

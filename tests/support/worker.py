"""Ingest workers without a network: what the broker would deliver is handed to them, and their parts fail when told."""

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from city.batch import Batch
from city.ledger.port import Ledger, Settlement
from city.mqtt import Message
from city.registry.port import Registry
from city.store.port import WriteOutcome
from ingest.budgets import Budgets
from ingest.city_clock import CityClock
from ingest.device_cache import DeviceCache
from ingest.load import FlushInput, Loader
from ingest.metrics import Metrics
from ingest.pipeline import Pipeline
from ingest.receipts import ReceiptSender
from ingest.settings import IngestSettings

Cell = tuple[str, str, int]
"""Device, quantity, instant."""


class Line:
    """A session whose other end is a list."""

    def __init__(self) -> None:
        self.waiting: deque[Message] = deque()
        self.acknowledged: list[Message] = []
        self.published: list[tuple[str, bytes]] = []

    async def receive(self, most: int = 5000) -> list[Message]:
        return [self.waiting.popleft() for _ in range(min(most, len(self.waiting)))]

    def acknowledge(self, messages: Iterable[Message]) -> None:
        self.acknowledged.extend(messages)

    async def publish(self, topic: str, payload: bytes) -> bool:
        self.published.append((topic, payload))
        return True


class Cells:
    """A store that is a dict: the last one wins."""

    def __init__(self) -> None:
        self.held: dict[Cell, float] = {}

    async def write(self, batch: Batch) -> WriteOutcome:
        for reading in batch.readings():
            for quantity, value in reading.values.items():
                self.held[reading.device, quantity, reading.time_ns] = value
        return WriteOutcome()


async def _nothing(_: str) -> None:
    pass


@dataclass
class Faulty:
    """Store and ledger of one worker; before and after each effect `moment` is called, which may raise."""

    store: Cells
    ledger: Ledger
    moment: Callable[[str], Awaitable[None]] = field(default=_nothing)
    settled: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> object:
        return getattr(self.ledger, name)

    async def write(self, batch: Batch) -> WriteOutcome:
        await self.moment("before the write")
        outcome = await self.store.write(batch)
        await self.moment("after the write")
        return outcome

    async def settle(self, settlement: Settlement) -> None:
        await self.moment("before the commit")
        await self.ledger.settle(settlement)
        self.settled()
        await self.moment("after the commit")


@dataclass
class Worker:
    """One pipeline and what surrounds it."""

    faulty: Faulty
    registry: Registry
    settings: IngestSettings = field(default_factory=IngestSettings)
    line: Line = field(default_factory=Line)
    pipeline: Pipeline = field(init=False)

    def __post_init__(self) -> None:
        devices = DeviceCache(self.registry)
        loader = Loader(Budgets(self.settings), devices.places)
        parts = self.settings, self.line, self.faulty, self.faulty, devices, loader
        self.pipeline = Pipeline(*parts, ReceiptSender(self.line), Metrics(CollectorRegistry(), self.line, CityClock()))  # type: ignore[arg-type] # stand-ins

    async def take(self, messages: Iterable[Message]) -> FlushInput:
        """FlushInput and flush."""
        taken = FlushInput()
        self.pipeline.loader.load(messages, taken)
        await self.pipeline.flush(taken)
        return taken

"""A model of the city: what messages may come and what may fail, and what ledger and store must say afterwards."""

import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hypothesis import strategies as st

from city import topics
from city.arrival_clock import ArrivalClock
from city.batch import Batch
from city.errors import LedgerUnavailable, StoreUnavailable
from city.ledger import open_ledger
from city.ledger.port import By
from city.mqtt import Message
from city.outcomes import Counts
from city.reading import Reading
from city.registry import open_registry
from city.wire import pack
from support.worker import Cell, Cells, Faulty, Worker

NOW_MS = time.time_ns() // 10**6
MS = 10**6
CLOCKLESS = "clockless"
MOMENTS = ("before the write", "after the write", "before the commit", "after the commit")


@dataclass(frozen=True)
class Sent:
    """One message, and what a reader of the wire's description would say of it."""

    topic: str
    payload: bytes
    key: object = None  # by which it is known again; None: never
    good: tuple[tuple[Cell, float], ...] = ()
    bad: int = 0


class Closing(Protocol):
    async def aclose(self) -> None: ...


class Killed(BaseException):
    """The worker's process is gone."""


numbers = itertools.count(1)
devices = st.sampled_from(["d-0", "d-1"])
instants = st.integers(0, 1).map(lambda step: NOW_MS - step * 1000)
values = st.integers(0, 9).map(float)
readings = st.tuples(devices, instants, st.just("rain_rate"), values)


def _cells(rows: Sequence[tuple[str, int, str, float]]) -> tuple[tuple[Cell, float], ...]:
    return tuple(((device, key, ms * MS), value) for device, ms, key, value in rows)


def direct(rows: list[tuple[str, int, str, float]], *, ahead: bool) -> Sent:
    device = rows[0][0]
    rows = [(device, *row[1:]) for row in rows]
    objects = [{"ts": ms, "values": {key: value}} for _, ms, key, value in rows]
    if ahead:
        objects.insert(0, {"ts": NOW_MS + 3_600_000, "values": {"battery": 1}})
    payload = json.dumps(objects).encode()
    return Sent(topics.direct("th-30", "rain", device), payload, payload + device.encode(), _cells(rows), int(ahead))


def clockless(count: int) -> Sent:
    payload = b"[%s]" % b",".join([b'{"values": {"ts": 4}}'] * count)
    cells = tuple(((CLOCKLESS, "ts", number), 4.0) for number in range(count))
    return Sent(topics.direct("th-30", "rain", CLOCKLESS), payload, None, cells)


def garbage(payload: bytes) -> Sent:
    return Sent(topics.direct("th-30", "rain", "d-0"), payload, None, (), 1)


def packed(gateway: str, rows: list[tuple[str, int, str, float]], undecoded: int, *, broken: bool) -> Sent:
    seq = next(numbers)
    batch = Batch.from_readings([Reading(d, "rain", ms * MS, {key: value}) for d, ms, key, value in rows])
    block = pack.to_block(batch)
    if broken:
        block.devices[0] = "NOT AN ID"
    left = [pack.Undecoded("http:native", b"?", 1, "undecoded")] * undecoded
    payload = pack.encode(pack.Pack(gateway, "spool", seq, 0, [block], left))
    good, bad = ((), len(rows) + undecoded) if broken else (_cells(rows), undecoded)
    return Sent(topics.pack("th-30", gateway), payload, (gateway, seq), good, bad)


some = st.lists(readings, min_size=1, max_size=3)
sendings = st.one_of(
    st.builds(direct, some, ahead=st.booleans()),
    st.builds(packed, st.sampled_from(["g-0", "g-1"]), some, st.integers(0, 1), broken=st.just(value=False)),
    st.builds(packed, st.sampled_from(["g-0", "g-1"]), some, st.integers(0, 1), broken=st.booleans()),
    st.builds(clockless, st.integers(1, 2)),
    st.builds(garbage, st.sampled_from([b"", b"{", b"\xff", b'{"values": {}}'])),
)


@dataclass(frozen=True)
class Step:
    """One flush: what is in it, what goes wrong, and which earlier messages come again in front."""

    sent: list[Sent]
    again: list[int]
    fault: str
    moment: str


steps = st.lists(
    st.builds(
        Step,
        st.lists(sendings, min_size=1, max_size=4),
        st.lists(st.integers(0, 30), max_size=2),
        st.sampled_from(["none", "down", "killed", "frozen"]),
        st.sampled_from(MOMENTS),
    ),
    min_size=1,
    max_size=6,
)


@dataclass
class Model:
    """What ought to be: a dict and six numbers."""

    cells: dict[Cell, float] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    seen: set[object] = field(default_factory=set)

    def accept(self, batch: list[Sent]) -> None:
        instants: set[tuple[str, object]] = set()
        for number, sent in enumerate(batch):
            readings = len(sent.good) + sent.bad
            self.counts.received += readings
            if sent.key is not None and sent.key in self.seen:
                self.counts.duplicate += readings
                continue
            self.seen.add(sent.key)
            for (device, _, time_ns), _ in sent.good:
                # rows without a time have instants of their own, whatever came before
                instant = device, (number, time_ns) if device == CLOCKLESS else time_ns
                self.counts.merged += instant in instants
                self.counts.stored += instant not in instants
                instants.add(instant)
            self.counts.quarantined += sent.bad
            self.cells.update(sent.good)


@dataclass
class City:
    """Workers over one store and one ledger, and a script of what comes and what fails."""

    url: str
    store: Cells = field(default_factory=Cells)
    model: Model = field(default_factory=Model)
    history: list[Sent] = field(default_factory=list)
    left: list[Step] = field(default_factory=list)
    clock: ArrivalClock = field(default_factory=lambda: ArrivalClock(itertools.count(NOW_MS * MS + 1).__next__))
    _idle: list[Worker] = field(default_factory=list)
    _opened: list[Closing] = field(default_factory=list)

    async def play(self, script: list[Step]) -> None:
        self.left = list(script)
        try:
            while self.left:
                step = self.left.pop(0)
                again = [self.history[number] for number in step.again if number < len(self.history)]
                self.history += step.sent
                await self._flush([*again, *step.sent], step)
            await self.judge()
        finally:
            for part in self._opened:
                await part.aclose()

    async def _flush(self, batch: list[Sent], step: Step | None = None) -> None:
        """Have a worker take a batch; when its process dies, another one gets all of it again."""
        worker = self._idle.pop() if self._idle else await self._hire()
        faults = [step] if step else []

        async def moment(name: str) -> None:
            if faults and faults[0].moment == name:
                await self._fail(faults.pop(), batch)

        accepting = [batch]
        worker.faulty.moment = moment
        worker.faulty.settled = lambda: self.model.accept(accepting.pop() if accepting else [])
        messages = [Message(sent.topic, sent.payload, self.clock()) for sent in batch]
        try:
            await worker.take(messages)
        except Killed:
            await self._flush(batch)
        else:
            assert worker.line.acknowledged == messages
            worker.line.acknowledged.clear()
            self._idle.append(worker)

    async def _fail(self, step: Step, batch: list[Sent]) -> None:
        match step.fault:
            case "killed":
                raise Killed
            case "down" if "write" in step.moment:
                raise StoreUnavailable("down", 0)
            case "down":
                raise LedgerUnavailable("down", 0)
            case "frozen":
                # another worker gets all that this one holds, and then what comes meanwhile
                await self._flush(batch)
                if self.left:
                    later = self.left.pop(0)
                    self.history += later.sent
                    await self._flush(later.sent)

    async def _hire(self) -> Worker:
        ledger, registry = await open_ledger(self.url), await open_registry(self.url)
        self._opened += [ledger, registry]
        return Worker(Faulty(self.store, ledger), registry)

    async def judge(self) -> None:
        ledger = (await self._hire()).faulty.ledger
        (total,) = await ledger.account(0, time.time_ns() + 3600 * 10**9, By.TOTAL)
        held = await ledger.quarantine(limit=1000)
        assert total.counts == self.model.counts
        assert sum(row.quarantined.readings for row in held) == total.counts.quarantined
        assert _of_clocks(self.store.held) == _of_clocks(self.model.cells)


def _of_clocks(cells: dict[Cell, float]) -> dict[Cell, float]:
    return {cell: value for cell, value in cells.items() if cell[0] != CLOCKLESS}


class NoWait:
    def next(self) -> float:
        return 0.0

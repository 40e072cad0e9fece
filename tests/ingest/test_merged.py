"""Readings of one instant become one row, in store and journal alike, and the ledger says how many they were."""

import asyncio
import json
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from city.batch import Batch
from city.ledger import Ledger, open_ledger
from city.ledger.port import By
from city.mqtt import Message
from city.outcomes import Counts
from city.reading import Flag, Reading
from city.store import open_store
from city.store.port import ALL, SeriesQuery, Store, WriteOutcome
from city.wire import journal, pack
from ingest.check import check
from ingest.load import DirectMessage, FlushInput, PackMessage
from ingest.settle import settlement
from ingest.write import write
from support.ingesting import NOW_MS, platform
from support.mosquitto import Mosquitto

START_NS = 1_764_900_000 * 10**9
KINDS = ("weather", "vehicle")
DEVICES = ("a", "b")

Cell = tuple[str, str, str, int]
"""Kind, device, quantity (or coordinate) and instant."""

readings = st.builds(
    Reading,
    device=st.sampled_from(DEVICES),
    kind=st.sampled_from(KINDS),
    time_ns=st.integers(0, 3).map(lambda s: START_NS + s * 10**9),
    values=st.dictionaries(
        st.sampled_from(("temperature", "humidity", "own_key")), st.sampled_from((1.0, 2.0, 3.0, 9e9)), min_size=1
    ),
    lat=st.sampled_from((None, 14.0, 15.0)),
).map(lambda r: r if r.lat is None else Reading(r.device, r.kind, r.time_ns, r.values, r.lat, 102.0))
flushes = st.lists(
    st.tuples(
        st.sampled_from(("settled", "died before its commit", "died and came again")),
        st.lists(st.tuples(st.booleans(), st.lists(readings, min_size=1, max_size=5)), min_size=1, max_size=4),
    ),
    max_size=4,
)
"""What became of each flush, and its messages: whether it is a pack, and its readings."""


def flush_of(messages: list[tuple[bool, list[Reading]]], number: int) -> FlushInput:
    taken = FlushInput()
    for at, (packed, rows) in enumerate(messages):
        message = Message("t", b"x", received_ns=START_NS)
        if packed:
            groups = [[row for row in rows if row.kind == kind] for kind in KINDS]
            batches = [Batch.from_readings(group) for group in groups if group]
            frame = pack.Pack("gw", "s", number * 10 + at + 1, 0, [pack.to_block(batch) for batch in batches], [])
            taken.accepted.append(PackMessage(message, "th-30", frame, batches, []))
        else:
            own = [row for row in rows if row.device == rows[0].device]
            taken.accepted.append(DirectMessage(message, "th-30", number * 10 + at, own))
    return taken


def count(taken: FlushInput) -> int:
    return sum(len(m.readings) if isinstance(m, DirectMessage) else m.pack.count() for m in taken.accepted)


def cells(batch: Batch) -> dict[Cell, tuple[float, int]]:
    """What a batch holds, by rows: independent of how rows are joined."""
    found: dict[Cell, tuple[float, int]] = {}
    for reading in batch.readings():
        key = batch.kind, reading.device
        for quantity, value in reading.values.items():
            found[*key, quantity, reading.time_ns] = value, reading.flags.get(quantity, Flag.GOOD)
        if reading.lat is not None and reading.lon is not None:
            found[*key, "lat", reading.time_ns] = reading.lat, Flag.GOOD
            found[*key, "lon", reading.time_ns] = reading.lon, Flag.GOOD
    return found


async def journal_of(ledger: Ledger) -> tuple[int, list[Batch]]:
    rows = await ledger.journal(after=0, limit=10_000)
    batches = [pack.to_batch(block) for row in rows for block in journal.decode(row.entry.payload)]
    return sum(row.entry.readings for row in rows), batches


async def stored_cells(store: Store) -> dict[Cell, tuple[float, int]]:
    asked = SeriesQuery(dict.fromkeys(DEVICES, KINDS), ALL, START_NS, START_NS + 10**11)
    answer = await store.series(asked)
    return {
        (one.kind, one.device, one.quantity, point.time_ns): (point.value, point.flag)
        for one in answer.series
        for point in one.points
    }


async def run(plan: list[tuple[str, list[tuple[bool, list[Reading]]]]], folder: str) -> None:
    store, ledger = await open_store(f"duckdb:///{folder}/s.duckdb"), await open_ledger(f"sqlite:///{folder}/l.sqlite")
    received = 0
    try:
        for number, (fate, messages) in enumerate(plan):
            taken = flush_of(messages, number)
            for committed in {"settled": [True], "died before its commit": [False]}.get(fate, [False, True]):
                checked = check(taken, await ledger.refresh(), {}, time.time_ns(), 300)
                flush = settlement(checked, await write(checked, store), {})
                if not committed:
                    continue
                await ledger.settle(flush)
                received += count(taken)
                (total,) = await ledger.account(0, 2**62, By.TOTAL)
                journaled, batches = await journal_of(ledger)
                assert total.counts.is_balanced()
                assert (total.counts.received, total.counts.stored) == (received, journaled)
                assert journaled == sum(map(len, batches))
                for one in flush.journal:
                    rows = Counter(
                        (block.kind, reading.device, reading.time_ns)
                        for block in journal.decode(one.payload)
                        for reading in pack.to_batch(block).readings()
                    )
                    assert set(rows.values()) <= {1}, "an instant stands once in a flush"
        _, batches = await journal_of(ledger)
        held = await stored_cells(store)
        expected: dict[Cell, tuple[float, int]] = {}
        for batch in batches:
            expected |= cells(batch)
        positionless = {key: cell for key, cell in expected.items() if key[2] not in {"lat", "lon"}}
        assert positionless.keys() <= held.keys(), "the journal is in the store"
        if all(fate == "settled" for fate, _ in plan):
            assert positionless == held, "value for value, flag for flag"
    finally:
        await ledger.aclose()
        await store.aclose()


@settings(max_examples=40, deadline=None)
@given(plan=flushes)
def test_the_journal_is_in_the_store_and_sums_up_to_what_is_stored(plan: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(plan, folder))


async def test_equal_instants_of_one_array_are_one_row_with_the_values_of_all(
    broker: Mosquitto, tmp_path: Path
) -> None:
    array = [
        {"ts": NOW_MS, "values": {"temperature": 30, "humidity": 40}},
        {"ts": NOW_MS, "values": {"temperature": 31}},
        {"ts": NOW_MS - 1, "values": {"temperature": 29}},
        {"ts": NOW_MS, "values": {"pressure": 1010}},
    ]
    async with platform(broker, tmp_path) as korat:
        await korat.send("weather", "w-1", array)
        assert await korat.received(4) == Counts(received=4, stored=2, merged=2)
        at = NOW_MS * 10**6
        latest = await korat.latest("w-1")
        assert latest == {"temperature": (at, 31.0, 1), "humidity": (at, 40.0, 1), "pressure": (at, 1010.0, 1)}
        journaled, (batch,) = await journal_of(korat.ledger)
        assert journaled == 2
        assert sorted(batch.readings(), key=lambda row: row.time_ns)[1].values == {
            "temperature": 31.0,
            "humidity": 40.0,
            "pressure": 1010.0,
        }
        # an instant that a later flush writes again is stored again
        await korat.send("weather", "w-1", [{"ts": NOW_MS, "values": {"temperature": 32}}])
        assert await korat.received(5) == Counts(received=5, stored=3, merged=2)


class Refusing(Store):
    """A store that refuses every row of one device for ever."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def write(self, batch: Batch) -> WriteOutcome:
        bad = np.flatnonzero(np.array(batch.devices)[batch.index] == "bad")
        await self._store.write(batch.take(np.array(batch.devices)[batch.index] != "bad"))
        return WriteOutcome({int(row): "no" for row in bad})

    async def quantities(self) -> frozenset[str]:
        return await self._store.quantities()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def test_a_joined_row_that_the_store_refuses_is_kept_with_the_values_of_all(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with platform(broker, tmp_path, wrap=Refusing, flush_ms=1000) as korat:
        for value in ({"temperature": 30}, {"humidity": 40}):
            await korat.send("weather", "bad", {"ts": NOW_MS, "values": value})
        counts = await korat.received(2)
        (row,) = await korat.ledger.quarantine()
        assert counts == Counts(received=2, rejected=1, merged=1)
        assert json.loads(row.quarantined.payload)["values"] == {"temperature": 30.0, "humidity": 40.0}

"""The clean-up beside the work: what is kept too long goes, and who comes back is registered anew."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from city.batch import Batch
from city.errors import JournalGone, Reason
from city.ledger import open_ledger
from city.ledger.port import JournalEntry, NewDevice, QuarantinedPayload, QuarantineState, Settlement, Source
from city.reading import Reading
from city.registry import open_registry
from city.store import open_store
from city.wire.journal import encode
from ingest.cleanup import Cleanup
from ingest.device_cache import DeviceCache
from ingest.load import FlushInput
from ingest.metrics import CleanupMetrics
from ingest.settings import RetentionSettings
from ingest.write import restore

DAY_NS = 86_400 * 10**9
HOUR_NS = 3_600 * 10**9
NOW_NS = time.time_ns() // HOUR_NS * HOUR_NS


@pytest.fixture
async def cleanup(tmp_path: Path) -> AsyncIterator[Cleanup]:
    url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
    store = await open_store(f"duckdb:///{tmp_path / 'readings.duckdb'}")
    ledger, registry = await open_ledger(url), await open_registry(url)
    settings = RetentionSettings.model_validate({"journal_days": 1, "readings_days": 10, "vanished_days": 5})
    yield Cleanup(store, ledger, registry, settings, "w", lambda: 0, CleanupMetrics(CollectorRegistry()))
    for part in (registry, ledger, store):
        await part.aclose()


async def test_journal_readings_and_vanished_devices_expire(cleanup: Cleanup) -> None:
    for device, age_days in (("gone", 20), ("silent", 7), ("heard", 2)):
        at_ns = NOW_NS - age_days * DAY_NS
        await cleanup.store.write(Batch.from_readings([Reading(device, "weather", at_ns, {"temperature": 1.5})]))
        await cleanup.ledger.settle(
            Settlement(
                at_ns,
                journal=[JournalEntry("", 1, b"x")],
                devices=[NewDevice(device, "weather", "th-30", "", NOW_NS - 30 * DAY_NS)],
            )
        )
    devices = DeviceCache(cleanup.registry)
    await devices.refresh()
    await cleanup.once(NOW_NS)
    assert (await cleanup.ledger.journal_span())[1:] == (4, 3)
    assert [row.device for row in await cleanup.registry.devices()] == ["heard"]
    assert await cleanup.store.expire(NOW_NS - 10 * DAY_NS) == 0
    devices._due_s = 0.0
    await devices.refresh()
    assert (set(devices.places), devices.by_kind["weather"]) == ({"heard"}, {"heard"})


async def test_a_flush_that_needs_what_has_expired_stops_the_worker_instead_of_going_on(cleanup: Cleanup) -> None:
    for _ in range(3):
        await cleanup.ledger.settle(Settlement(NOW_NS - 3 * DAY_NS, journal=[JournalEntry("", 0, encode([]))]))
    taken = FlushInput(NOW_NS)
    taken.written = [Batch.from_readings([Reading("d", "weather", NOW_NS, {"temperature": 1.5})])]
    taken.journal = 1
    await restore(taken, 3, cleanup.ledger, cleanup.store, {})
    assert taken.journal == 3
    taken.journal = 1
    await cleanup.once(NOW_NS)
    with pytest.raises(JournalGone):
        await restore(taken, 3, cleanup.ledger, cleanup.store, {})


async def test_the_quarantine_expires_by_its_own_bounds(cleanup: Cleanup) -> None:
    old = QuarantinedPayload("t", b"garbage", NOW_NS - 99 * DAY_NS, Reason.NO_VALUES, "", Source("", "d"))
    await cleanup.ledger.settle(Settlement(NOW_NS - 99 * DAY_NS, quarantined=[old]))
    await cleanup.once(NOW_NS)
    (row,) = await cleanup.ledger.quarantine()
    assert row.state is QuarantineState.EXPIRED


async def test_it_runs_beside_the_work_and_says_where_the_worker_stands(
    cleanup: Cleanup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.cleanup.PERIOD_S", 0.01)
    old = Settlement(NOW_NS - 3 * DAY_NS, journal=[JournalEntry("", 1, b"x")])
    for _ in range(3):
        await cleanup.ledger.settle(old)
    position = 1
    cleanup.position = lambda: position
    running = asyncio.create_task(cleanup.run())
    await _until_first(cleanup, 2)
    await asyncio.sleep(0.1)
    assert (await cleanup.ledger.journal_span()).first == 2, "the worker still stands at 1"
    position = 3
    await _until_first(cleanup, 4)
    running.cancel()


async def _until_first(cleanup: Cleanup, first: int) -> None:
    async with asyncio.timeout(10):
        while (await cleanup.ledger.journal_span()).first < first:
            await asyncio.sleep(0.01)

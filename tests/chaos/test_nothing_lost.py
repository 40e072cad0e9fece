"""The promise, under `kill -9` of every part, with every kind of door in the load."""

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.doors import GATEWAY_TOML, Doors
from chaos.feeder import DEVICES, Feeder
from city.ledger import open_ledger
from city.ledger.port import Account, By
from city.store import open_store
from city.store.port import Only, SeriesQuery
from korat.audit import Audit, Scope, audit
from support.influx import Influx
from support.korat import room
from support.mosquitto import Mosquitto
from support.ports import free_port
from support.postgres import Postgres
from support.process import Process

LONG = os.environ.get("KORAT_CHAOS") == "long"
READINGS = 200_000 if LONG else 20_000
MIN_KILLS = 60 if LONG else 10
WITHIN_S = 1_800 if LONG else 180
QUIET_S = 6
"""Longer than a folder waits for a file to stand still."""


@dataclass
class Field:
    """Everything that runs."""

    broker: Mosquitto
    influx: Influx
    postgres: Postgres
    workers: list[Process]
    gateways: list[Process]
    doors: Doors
    feeders: list[Feeder]
    store_url: str
    ledger_url: str

    @property
    def victims(self) -> list[Process]:
        return [self.broker, self.influx, self.postgres, *self.workers, *self.gateways]


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    with ExitStack() as running:
        broker = running.enter_context(Mosquitto(tmp_path / "broker"))
        influx = running.enter_context(Influx(tmp_path / "influx"))
        influx.create_database("chaos")
        store_url = influx.store_url("chaos")
        # the server's own user must reach it, and pytest's folders are closed to others
        folder = running.enter_context(tempfile.TemporaryDirectory(prefix="korat-postgres-"))
        postgres = running.enter_context(Postgres(Path(folder)))
        postgres.create_database("chaos")
        ledger_url = postgres.database_url("chaos")
        common = {
            "KORAT_MQTT_PORT": str(broker.port),
            "KORAT_STORE_URL": store_url,
            "KORAT_LEDGER_URL": ledger_url,
            "KORAT_INGEST_WORKERS": "2",
        }
        workers = [
            room("ingest", tmp_path / f"worker-{n}", {**common, "KORAT_INGEST_WORKER": str(n)}, name=f"ingest-{n}")
            for n in (1, 2)
        ]
        feeders = [Feeder(f"gw-{n}", free_port(), READINGS // 2) for n in (1, 2)]
        gateways = [
            room(
                "gateway",
                tmp_path / feeder.gateway,
                {
                    **common,
                    "KORAT_GATEWAY_ID": feeder.gateway,
                    "KORAT_GATEWAY_HTTP_PORT": str(feeder.port),
                    "KORAT_GATEWAY_RESEND_S": "1",
                    "KORAT_GATEWAY_SELF_METRICS_INTERVAL_S": "0",
                },
                name=feeder.gateway,
                ready_port=feeder.port,
            )
            for feeder in feeders
        ]
        data, tracker = tmp_path / feeders[0].gateway, free_port()
        data.mkdir(exist_ok=True)
        (data / "gateway.toml").write_text(GATEWAY_TOML % tracker)
        doors = Doors(broker.port, tracker, data / "drop" / "wells")
        for process in [*workers, *gateways]:
            running.enter_context(process)
        yield Field(broker, influx, postgres, workers, gateways, doors, feeders, store_url, ledger_url)


@pytest.mark.timeout(WITHIN_S + 60)
@pytest.mark.chaos
def test_no_reading_is_lost_whatever_is_killed(field: Field, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(30)
    field.doors.start()
    for feeder in field.feeders:
        feeder.thread.start()
    began = time.monotonic()
    kills = dict.fromkeys((process.name for process in field.victims), 0)
    while any(feeder.thread.is_alive() for feeder in field.feeders) or not _enough(kills):
        assert time.monotonic() - began < WITHIN_S, [feeder.confirmed for feeder in field.feeders]
        time.sleep(chance.uniform(0.1, 1.0))
        least = min(kills.values())
        victim = chance.choice([process for process in field.victims if kills[process.name] <= least + 2])
        victim.kill()
        kills[victim.name] += 1
        time.sleep(chance.uniform(0.0, 0.7))
        victim.start()
    field.doors.stop()
    total = asyncio.run(_settled(field, began + WITHIN_S))
    for worker in field.workers:
        worker.stop()
    stored = asyncio.run(_compare(field))
    found, journaled = asyncio.run(_audited(field))
    unsure = sum(feeder.unsure for feeder in field.feeders)
    counts = total.counts
    with capsys.disabled():
        print(
            f"\n  {READINGS:,} readings by 2 gateways in {time.monotonic() - began:.0f} s, killed with -9: {kills}\n"
            f"  beside them, messages of devices, records of trackers, lines of files: {field.doors.sent}\n"
            f"  ledger: {counts}, pending {total.pending}, gaps {total.gaps}\n"
            f"  posts repeated because their answer got lost: up to {unsure:,} readings\n"
            f"  store: {stored:,} of the posted readings, each exactly once, every value equal\n"
            f"  audit: {journaled:,} readings of the journal at {found.journal:,} instants, {found.store:,} stored;"
            f" lost {found.lost.count}, uncommitted {found.uncommitted.count} of {len(found.flushes)} flushes"
        )
    assert counts.is_balanced(), counts
    assert (counts.quarantined, counts.rejected, total.pending, total.gaps) == (0, 0, 0, 0)
    assert stored == READINGS
    assert min(counts.merged, counts.duplicate) > 0, counts
    assert journaled == counts.stored == found.rows
    assert found.lost.count == 0, found.lost
    assert found.journal <= found.store == found.journal + found.uncommitted.count
    assert len(found.flushes) <= sum(kills[worker.name] for worker in field.workers), found.uncommitted
    assert all(kills.values()), kills


def _enough(kills: dict[str, int]) -> bool:
    return sum(kills.values()) >= MIN_KILLS and all(kills.values())


async def _settled(field: Field, deadline: float) -> Account:
    """Wait until every gateway has its receipts, and the broker has nothing more."""
    ledger = await open_ledger(field.ledger_url)
    quiet_since, before = time.monotonic(), None
    try:
        while True:
            (total,) = await ledger.account(0, time.time_ns() + 3_600 * 10**9, By.TOTAL)
            rows = await ledger.gateways()
            idle = len(rows) == len(field.feeders) and all(row.online and row.pending == 0 for row in rows)
            if total != before or not idle or total.gaps:
                quiet_since, before = time.monotonic(), total
            elif time.monotonic() - quiet_since > QUIET_S and field.doors.files_are_done():
                return total
            tails = [process.log_tail(5) for process in (*field.workers, *field.gateways)]
            assert time.monotonic() < deadline, (total, rows, tails)
            await asyncio.sleep(0.5)
    finally:
        await ledger.aclose()


async def _audited(field: Field) -> tuple[Audit, int]:
    """Audit; and add up the journal's readings."""
    store, ledger = await open_store(field.store_url), await open_ledger(field.ledger_url)
    position, readings = 0, 0
    try:
        found = await audit(ledger, store, Scope())
        while rows := await ledger.journal(after=position):
            readings += sum(row.entry.readings for row in rows)
            position = rows[-1].id
    finally:
        await ledger.aclose()
        await store.aclose()
    return found, readings


async def _compare(field: Field) -> int:
    """Read every device back and compare it value for value; how many readings that were."""
    store = await open_store(field.store_url)
    found = 0
    try:
        for feeder in field.feeders:
            for device in [f"{feeder.gateway}-{number}" for number in range(DEVICES)]:
                expected = feeder.expected(device)
                ask = SeriesQuery({device: ("vehicle",)}, Only.of("odometer"), 0, expected[-1][0] + 1)
                (series,) = (await store.series(ask)).series
                assert [(point.time_ns, point.value) for point in series.points] == expected, device
                found += len(series.points)
    finally:
        await store.aclose()
    return found

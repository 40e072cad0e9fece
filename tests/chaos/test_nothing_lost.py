"""The promise, under `kill -9` of every part: gateways, broker, ingest and store."""

import asyncio
import os
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.feeder import DEVICES, Feeder
from city.ledger import open_ledger
from city.ledger.port import Account, By
from city.store import open_store
from city.store.port import Only, SeriesQuery
from support.influx import Influx
from support.korat import room
from support.mosquitto import Mosquitto
from support.ports import free_port
from support.process import Process

LONG = os.environ.get("KORAT_CHAOS") == "long"
READINGS = 200_000 if LONG else 20_000
MIN_KILLS = 60 if LONG else 10
WITHIN_S = 1_800 if LONG else 100


@dataclass
class Field:
    """Everything that runs."""

    broker: Mosquitto
    influx: Influx
    rooms: list[Process]
    feeders: list[Feeder]
    store_url: str
    ledger_url: str

    @property
    def victims(self) -> list[Process]:
        return [self.broker, self.influx, *self.rooms]


@pytest.fixture
def field(tmp_path: Path) -> Iterator[Field]:
    with ExitStack() as running:
        broker = running.enter_context(Mosquitto(tmp_path / "broker"))
        influx = running.enter_context(Influx(tmp_path / "influx"))
        influx.create_database("chaos")
        store_url = influx.store_url("chaos")
        ledger_url = f"sqlite:///{tmp_path / 'ledger.sqlite'}"
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
        for process in [*workers, *gateways]:
            running.enter_context(process)
        yield Field(broker, influx, [*workers, *gateways], feeders, store_url, ledger_url)


@pytest.mark.timeout(WITHIN_S + 60)
@pytest.mark.chaos
def test_no_reading_is_lost_whatever_is_killed(field: Field, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(30)
    for feeder in field.feeders:
        feeder.thread.start()
    began = time.monotonic()
    kills = dict.fromkeys((process.name for process in field.victims), 0)
    while any(feeder.thread.is_alive() for feeder in field.feeders) or sum(kills.values()) < MIN_KILLS:
        assert time.monotonic() - began < WITHIN_S, [feeder.confirmed for feeder in field.feeders]
        time.sleep(chance.uniform(0.1, 1.0))
        victim = chance.choice(field.victims)
        victim.kill()
        kills[victim.name] += 1
        time.sleep(chance.uniform(0.0, 0.7))
        victim.start()
    total = asyncio.run(_settled(field, began + WITHIN_S))
    stored = asyncio.run(_compare(field))
    unsure = sum(feeder.unsure for feeder in field.feeders)
    counts = total.counts
    with capsys.disabled():
        print(
            f"\n  {READINGS:,} readings by 2 gateways in {time.monotonic() - began:.0f} s, killed with -9: {kills}\n"
            f"  ledger: {counts}, pending {total.pending}, gaps {total.gaps}\n"
            f"  posts repeated because their answer got lost: up to {unsure:,} readings\n"
            f"  store: {stored:,} readings, each exactly once, every value equal"
        )
    assert counts.is_balanced(), counts
    assert (counts.quarantined, counts.rejected, total.pending, total.gaps) == (0, 0, 0, 0)
    assert READINGS <= counts.stored <= READINGS + unsure
    assert stored == READINGS
    assert all(kills.values()), kills


async def _settled(field: Field, deadline: float) -> Account:
    """Wait until every gateway has its receipts."""
    ledger = await open_ledger(field.ledger_url)
    try:
        while True:
            (total,) = await ledger.account(0, time.time_ns() + 3_600 * 10**9, By.TOTAL)
            rows = await ledger.gateways()
            idle = len(rows) == len(field.feeders) and all(row.online and row.pending == 0 for row in rows)
            if idle and total.gaps == 0 and total.counts.stored >= READINGS:
                return total
            assert time.monotonic() < deadline, (total, rows, [room.log_tail(5) for room in field.rooms])
            await asyncio.sleep(0.5)
    finally:
        await ledger.aclose()


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

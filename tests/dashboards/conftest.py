"""An hour of a small city in a real InfluxDB, with what the platform says of itself, and an API over the same."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from api.app import build
from api.settings import ApiSettings
from city.batch import Batch, Place
from city.catalog import FIELD_KINDS, KINDS, PLATFORM, Workstream
from city.ledger import open_ledger
from city.ledger.port import DIRECT, By, GatewayRow, Ledger, NewDevice, PackClaim, PackId, Settlement, Source
from city.outcomes import Counts
from city.reading import Flag, Reading
from city.registry import open_registry
from city.store import open_store
from dashboards.printing import printed
from simulators.world import World
from support.influx import Influx

START_NS = int(datetime(2026, 1, 15, 2, tzinfo=UTC).timestamp()) * 10**9
HOUR_NS = 3600 * 10**9
MINUTE_NS = 60 * 10**9
_DATABASE = "boards"
_GATEWAYS = ("gw-1", "gw-2")
_PROCESSES = {
    "gw-1": ("spool_readings", "spool_fill", "spool_age", "readings_rate", "sources_heard", "decode_failures"),
    "gw-2": ("spool_readings", "spool_fill", "spool_age", "readings_rate", "sources_heard", "clock_skew"),
    "ingest-1": (
        "settled_rate",
        "error_rate",
        "flush_duration",
        "flush_cpu",
        "store_duration",
        "devices_heard",
        "devices_silent",
    ),
    "api-1": ("request_rate", "request_error_rate", "request_duration", "process_cpu", "process_memory"),
    "broker": ("broker_rate", "broker_dropped_rate", "broker_clients", "broker_queued"),
}


@dataclass(frozen=True)
class Town:
    """What lies in the store.

    Attributes:
        influx: The server.
        database: The database.
        ledger_url: Ledger and registry.
        start_ns: First instant.
        end_ns: End, exclusive.
        cut: A load that said nothing for 20 minutes.
    """

    influx: Influx
    database: str
    ledger_url: str
    start_ns: int
    end_ns: int
    cut: str

    @property
    def store_url(self) -> str:
        """The store's address."""
        return self.influx.store_url(self.database)


@pytest.fixture(scope="session")
def town(influx: Influx, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Give a filled store; nobody may write to it."""
    folder = tmp_path_factory.mktemp("boards")
    if not influx.running:
        influx.start()
    influx.create_database(_DATABASE)
    town = Town(
        influx=influx,
        database=_DATABASE,
        ledger_url=f"sqlite:///{folder}/ledger.sqlite",
        start_ns=START_NS,
        end_ns=START_NS + HOUR_NS,
        cut="th-30-cargo-0001",
    )
    asyncio.run(_fill(town, folder / "ledger.sqlite"))
    yield town
    if influx.running:
        influx.drop_database(_DATABASE)


@pytest.fixture
async def client(town: Town) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a client of an API over the town."""
    store, ledger = await open_store(town.store_url), await open_ledger(town.ledger_url)
    registry = await open_registry(town.ledger_url)
    app = build(store, ledger, registry, checks={}, settings=ApiSettings(), metrics=CollectorRegistry())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1") as opened:
        yield opened
    for part in (registry, ledger, store):
        await part.aclose()


@pytest.fixture(scope="session")
def files() -> dict[Path, str]:
    """Give all printed files."""
    return printed()


@pytest.fixture(scope="session")
def board_schema() -> Path:
    """Give the JSON Schema of boards: beside the recorded data, or `../shared/grafana` beside the checkout."""
    data = os.environ.get("KORAT_SHARED_DATA")
    shared = Path(data).parent if data else Path(__file__).resolve().parents[3] / "shared"
    file = shared / "grafana" / "dashboard.schema.json"
    if not file.is_file():
        pytest.skip(f"there is no schema of Grafana's boards: {file}")
    return file


async def _fill(town: Town, ledger_file: Path) -> None:
    world = World("th-30", seed=30, devices=60)
    store, ledger = await open_store(town.store_url), await open_ledger(town.ledger_url)
    districts = {device.id: device.district for device in world.devices}
    places = {device: Place("th-30", district, _owner(device)) for device, district in districts.items()}
    for kind in world.kinds:
        await store.write(_hour(world, kind, places, town.cut))
    await _settle(ledger, world)
    await store.write(_platform(await _ledger_figures(ledger)))
    await ledger.aclose()
    await store.aclose()
    with sqlite3.connect(ledger_file) as database:
        rows = [(place.district, place.owner, device) for device, place in places.items()]
        database.executemany("UPDATE device SET district = ?, owner = ? WHERE device = ?", rows)
    database.close()


def _owner(device: str) -> str:
    hub = any(
        f"-{kind.key.replace('_', '-')}-" in device
        for kind in FIELD_KINDS.values()
        if kind.workstream is Workstream.LOGISTIC_HUB
    )
    return f"firm-{'ab'[int(device[-1]) % 2]}" if hub else ""


def _hour(world: World, kind: str, places: dict[str, Place], cut: str) -> Batch:
    ids = world.ids(kind)
    steps = np.arange(START_NS, START_NS + HOUR_NS, KINDS[kind].cadence_s * 10**9)
    rows = np.tile(np.arange(len(ids), dtype=np.int32), len(steps))
    batch = world.batch(kind, rows, np.repeat(steps, len(ids)))
    batch.places = [places[device] for device in ids]
    if kind in {"water_level", "waste_bin", "noise"}:
        batch.values |= {"rssi": np.full(len(batch), -97.0), "snr": np.full(len(batch), 7.5)}
    if kind == "air_quality":
        # a broken sensor, which no mean may hold
        batch.values["pm2_5"][3] = 5000.0
        batch.flags["pm2_5"] = np.full(len(batch), Flag.GOOD, np.uint8)
        batch.flags["pm2_5"][3] = Flag.FAIL
    if kind == "cargo":
        late = batch.time_ns - START_NS
        silent = (batch.index == ids.index(cut)) & (late >= 20 * MINUTE_NS) & (late < 40 * MINUTE_NS)
        batch = batch.take(~silent)
    return batch


async def _settle(ledger: Ledger, world: World) -> None:
    settlement = Settlement(at_ns=START_NS + MINUTE_NS)
    for number, device in enumerate(world.devices):
        counts = Counts(received=62, stored=55, duplicate=3, quarantined=1, rejected=1, merged=2)
        settlement.counts[Source((*_GATEWAYS, DIRECT)[number % 3], device.id)] = counts
    # the first pack never came, so its 40 readings are missing
    settlement.packs = [PackClaim(PackId("gw-1", "b1", 2), 40, 60)]
    devices = {device.id: device.kind for device in world.devices} | dict.fromkeys((*_PROCESSES, "direct"), PLATFORM)
    settlement.devices = [NewDevice(device, kind, "th-30", "", START_NS) for device, kind in devices.items()]
    await ledger.settle(settlement)
    for number, gateway in enumerate(_GATEWAYS):
        await ledger.note_status(GatewayRow(gateway, "th-30", True, "b1", 100 * number + 7, 2, 900, START_NS))  # noqa: FBT003 - a row


async def _ledger_figures(ledger: Ledger) -> list[Reading]:
    """Say of each gateway what the ledger does, as the platform has to."""
    readings = []
    for row in await ledger.account(START_NS, START_NS + HOUR_NS, By.GATEWAY):
        of, name = row.counts, row.key or "direct"
        hour = {
            "readings_received": of.received,
            "readings_stored": of.stored,
            "readings_duplicate": of.duplicate,
            "readings_quarantined": of.quarantined,
            "readings_rejected": of.rejected,
            "readings_merged": of.merged,
        }
        now = {
            "readings_pending": row.pending,
            "readings_missing": row.gaps,
            "gateway_online": 1,
            "end_to_end_latency": 2.5,
        }
        readings.append(Reading(name, PLATFORM, START_NS, {key: float(value) for key, value in hour.items()}))
        at_ns = START_NS + HOUR_NS - MINUTE_NS
        readings.append(Reading(name, PLATFORM, at_ns, {key: float(value) for key, value in now.items()}))
    return readings


def _platform(ledger: list[Reading]) -> Batch:
    minutes = range(START_NS, START_NS + HOUR_NS, MINUTE_NS)
    own = [
        Reading(device, PLATFORM, at_ns + 10**9, {key: (number * 7 + place) % 23 / 2 for place, key in enumerate(keys)})
        for device, keys in _PROCESSES.items()
        for number, at_ns in enumerate(minutes)
    ]
    batch = Batch.from_readings(own + ledger)
    batch.places = [Place("th-30")] * len(batch.devices)
    return batch

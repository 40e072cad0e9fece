"""What the platform says of itself is there like any other reading."""

import time
from pathlib import Path

from own_platform import Platform, until
from prometheus_client import CollectorRegistry, Counter, Histogram

from city.ledger import open_ledger
from city.ledger.port import Settlement, Source
from city.mqtt import Message
from city.outcomes import Counts
from city.reading import Reading
from city.store import open_store
from korat.figures import HOUR_NS
from korat.vitals import broker
from korat.vitals.books import Books
from korat.vitals.run import api_figures, host
from korat.vitals.samples import Samples


def test_ledger_processes_and_broker_speak_as_devices(platform: Platform) -> None:
    korat = platform
    with korat.up("--demo", KORAT_SELF_METRICS_INTERVAL_S="1", KORAT_GATEWAY_HEALTH_S="1"):
        wanted = {
            "direct": {
                "readings_received",
                "readings_stored",
                "readings_pending",
                "readings_missing",
                "end_to_end_latency",
            },
            "ingest-1": {
                "settled_rate",
                "error_rate",
                "flush_cpu",
                "store_duration",
                "process_memory",
                "devices_heard",
            },
            f"api-{host()}": {"request_rate", "request_error_rate", "request_duration", "process_cpu"},
            "broker": {"broker_rate", "broker_clients", "broker_queued"},
            "gw-1": {"spool_readings", "readings_rate", "gateway_online"},
        }

        def heard() -> bool:
            features = korat.get("/v1/latest?kind=platform")["features"]
            found = {each["id"]: each["properties"]["values"].keys() for each in features}
            return all(found.get(device, set()) >= values for device, values in wanted.items())

        until(heard, 30)
        ledger = korat.get("/v1/ledger")
        assert ledger["balanced"]
        assert ledger["quarantined"] == ledger["rejected"] == 0


async def test_the_sum_over_the_hours_is_the_ledger_s_and_a_redrive_mends_the_right_one(tmp_path: Path) -> None:
    ledger = await open_ledger(f"sqlite:///{tmp_path}/ledger.sqlite")
    store = await open_store(f"duckdb:///{tmp_path}/readings.duckdb")
    now_ns = time.time_ns()
    try:
        for back, readings in ((0, 5), (1, 7)):
            settlement = Settlement(at_ns=now_ns - back * HOUR_NS)
            settlement.counts[Source("gw-1", "d")] = Counts(received=readings, stored=readings)
            await ledger.settle(settlement)
        books = Books(ledger, store, "platform")
        first = hourly(await books.readings(now_ns, {"gw-1": 3.5}))
        assert sum(values["readings_received"] for values in first.values()) == 12
        assert not hourly(await books.readings(now_ns, {})), "nothing changed, so nothing is said again"
        late = Settlement(at_ns=now_ns - HOUR_NS)
        late.counts[Source("gw-1", "d")] = Counts(received=1, quarantined=1)
        await ledger.settle(late)
        (again,) = hourly(await books.readings(now_ns, {})).items()
        assert again[0] == ("gw-1", (now_ns // HOUR_NS - 1) * HOUR_NS)
        assert (again[1]["readings_received"], again[1]["readings_quarantined"]) == (8, 1)
    finally:
        await ledger.aclose()
        await store.aclose()


def hourly(said: list[Reading]) -> dict[tuple[str, int], dict[str, float]]:
    return {(row.device, row.time_ns): row.values for row in said if "readings_received" in row.values}


def test_figures_are_of_the_time_since_the_look_before() -> None:
    registry = CollectorRegistry()
    requests = Counter("korat_api_requests", "r", ("method", "route", "status"), registry=registry)
    seconds = Histogram("korat_api_request_seconds", "s", ("method", "route"), registry=registry)
    requests.labels("GET", "/", "200").inc(1000)
    samples = Samples(registry)
    samples.look()
    requests.labels("GET", "/", "200").inc(3)
    requests.labels("GET", "/new", "503").inc(1)
    for _ in range(99):
        seconds.labels("GET", "/").observe(0.004)
    samples.look()
    samples.seconds = 2.0
    assert api_figures(samples) == {"request_rate": 2.0, "request_error_rate": 0.5, "request_duration": 0.005}
    samples.look()
    assert "request_duration" not in api_figures(samples), "nobody asked, so no time was measured"


def test_a_broker_s_figures_are_understood_and_words_passed_over() -> None:
    messages = [
        Message("$SYS/broker/load/messages/received/1min", b"120.00", 1),
        Message("$SYS/broker/clients/connected", b"7", 1),
        Message("$SYS/broker/store/messages/count", b"many", 1),
        Message("$SYS/broker/version", b"mosquitto version 2", 1),
    ]
    assert broker.understand(messages) == {"broker_rate": 2.0, "broker_clients": 7.0}

"""The platform's metrics of itself are there like any other reading."""

import time
from pathlib import Path

from own_platform import Platform, until
from prometheus_client import CollectorRegistry, Counter, Histogram

from city.ledger import open_ledger
from city.ledger.flush_counts import HOUR_NS
from city.ledger.port import Settlement, Source
from city.mqtt import Message
from city.outcomes import Counts
from city.reading import Reading
from city.store import open_store
from korat.self_metrics.ledger_metrics import LedgerMetrics
from korat.self_metrics.process_metrics import ProcessMetrics
from korat.self_metrics.run import api_figures, broker_figures, host


def test_ledger_processes_and_broker_publish_as_devices(platform: Platform) -> None:
    korat = platform
    with korat.up("--demo", KORAT_SELF_METRICS_INTERVAL_S="1", KORAT_GATEWAY_SELF_METRICS_INTERVAL_S="1"):
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

        def published() -> bool:
            features = korat.get("/v1/latest?kind=platform")["features"]
            found = {each["id"]: each["properties"]["values"].keys() for each in features}
            return all(found.get(device, set()) >= values for device, values in wanted.items())

        until(published, 30)
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
        metrics = LedgerMetrics(ledger, store, "platform")
        first = hourly(await metrics.readings(now_ns, {"gw-1": 3.5}))
        assert sum(values["readings_received"] for values in first.values()) == 12
        assert not hourly(await metrics.readings(now_ns, {})), "nothing changed, so nothing is published again"
        late = Settlement(at_ns=now_ns - HOUR_NS)
        late.counts[Source("gw-1", "d")] = Counts(received=1, quarantined=1)
        await ledger.settle(late)
        (again,) = hourly(await metrics.readings(now_ns, {})).items()
        assert again[0] == ("gw-1", (now_ns // HOUR_NS - 1) * HOUR_NS)
        assert (again[1]["readings_received"], again[1]["readings_quarantined"]) == (8, 1)
    finally:
        await ledger.aclose()
        await store.aclose()


def hourly(readings: list[Reading]) -> dict[tuple[str, int], dict[str, float]]:
    return {(row.device, row.time_ns): row.values for row in readings if "readings_received" in row.values}


def test_figures_are_of_the_time_since_the_previous_sample() -> None:
    registry = CollectorRegistry()
    requests = Counter("korat_api_requests", "r", ("method", "route", "status"), registry=registry)
    seconds = Histogram("korat_api_request_seconds", "s", ("method", "route"), registry=registry)
    requests.labels("GET", "/", "200").inc(1000)
    samples = ProcessMetrics(registry)
    samples.sample()
    requests.labels("GET", "/", "200").inc(3)
    requests.labels("GET", "/new", "503").inc(1)
    for _ in range(99):
        seconds.labels("GET", "/").observe(0.004)
    samples.sample()
    samples.seconds = 2.0
    assert api_figures(samples) == {"request_rate": 2.0, "request_error_rate": 0.5, "request_duration": 0.005}
    samples.sample()
    assert "request_duration" not in api_figures(samples), "nobody asked, so no time was measured"


def test_a_broker_s_figures_are_understood_and_text_left_out() -> None:
    messages = [
        Message("$SYS/broker/load/messages/received/1min", b"120.00", 1),
        Message("$SYS/broker/clients/connected", b"7", 1),
        Message("$SYS/broker/store/messages/count", b"many", 1),
        Message("$SYS/broker/version", b"mosquitto version 2", 1),
    ]
    assert broker_figures(messages) == {"broker_rate": 2.0, "broker_clients": 7.0}

"""What ingest measures of itself."""

import time
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from prometheus_client import CollectorRegistry

from city.batch import Batch
from city.catalog import PLATFORM
from city.ledger.port import DIRECT, Settlement
from city.reading import Reading
from ingest.city_clock import CityClock
from ingest.metrics import Metrics
from ingest.traced_batch import TracedBatch

NOW_NS = 1_764_900_000 * 10**9
LATENCY = "korat_ingest_end_to_end_latency_seconds"


def one(kind: str, age_s: int, gateway: str = DIRECT) -> TracedBatch:
    batch = Batch.from_readings([Reading("d-1", kind, NOW_NS - age_s * 10**9, {"battery": 1.0})])
    return TracedBatch(batch, [gateway], np.zeros(1, np.int32), [None])


def latencies(*sheets: TracedBatch) -> dict[str, float | None]:
    registry = CollectorRegistry()
    metrics = Metrics(registry, cast("Any", SimpleNamespace(held=0)), CityClock())
    metrics.stored(sheets, NOW_NS, time.monotonic())
    return {gateway: registry.get_sample_value(LATENCY, {"gateway": gateway}) for gateway in (DIRECT, "gw-1")}


def test_latency_is_the_age_of_each_gateway_s_oldest_reading() -> None:
    assert latencies(one("rain", 3), one("cargo", 5), one("rain", 9, "gw-1")) == {DIRECT: 5.0, "gw-1": 9.0}


def test_the_platform_s_own_hourly_counters_are_no_latency() -> None:
    assert latencies(one("rain", 3), one(PLATFORM, 3_600)) == {DIRECT: 3.0, "gw-1": None}


def test_what_the_quarantine_only_counts_is_counted_by_reason() -> None:
    registry = CollectorRegistry()
    flush = Settlement(NOW_NS, condensed={"malformed_json": 40, "too_large": 2})
    Metrics(registry, cast("Any", SimpleNamespace(held=0)), CityClock()).settled(flush, 0)
    assert registry.get_sample_value("korat_ingest_condensed_payloads_total", {"reason": "malformed_json"}) == 40

"""What ingest counts about itself, for Prometheus: rate, errors and duration of each flush."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from city.catalog import PLATFORM
from city.ledger.port import Settlement
from city.mqtt import Session
from city.outcomes import COUNTED
from ingest.city_clock import CityClock
from ingest.traced_batch import TracedBatch

PERIOD_S: Final = 60.0

MAX_NAMED: Final = 10_000
"""Devices that get a log line of their own."""

log = structlog.get_logger("ingest")


@dataclass(slots=True)
class RollingMax:
    """The largest value of the last one to two minutes, for any number of readers."""

    _present: float = 0.0
    _previous: float = 0.0
    _ends_s: float = 0.0

    def note(self, value: float) -> None:
        """Count a value in for the present minute."""
        self._rotate()
        self._present = max(self._present, value)

    def value(self) -> float:
        """Return 0 when nothing was noted."""
        self._rotate()
        return max(self._present, self._previous)

    def _rotate(self) -> None:
        now_s = time.monotonic()
        if now_s >= self._ends_s:
            self._previous = self._present if now_s < self._ends_s + PERIOD_S else 0.0
            self._present, self._ends_s = 0.0, now_s + PERIOD_S


class Metrics:
    """Counters of one worker, in a registry that the API's `/metrics` shows."""

    def __init__(self, registry: CollectorRegistry, session: Session, clock: CityClock) -> None:
        self._readings = Counter(
            "korat_ingest_readings", "Readings settled, by outcome", ["outcome"], registry=registry
        )
        self._outcomes = {name: self._readings.labels(name) for name in COUNTED}
        self._quarantined = Counter(
            "korat_ingest_quarantined_payloads", "Payloads quarantined", ["reason"], registry=registry
        )
        self._condensed = Counter(
            "korat_ingest_condensed_payloads",
            "Payloads that the quarantine only counts: beyond its bounds, or the disk is short",
            ["reason"],
            registry=registry,
        )
        self._undated = Counter(
            "korat_ingest_retained_without_time",
            "Retained direct readings without a time: state, which is not received",
            registry=registry,
        )
        self._undated_devices: set[str] = set()
        self._inexact = Counter(
            "korat_ingest_inexact_values",
            "Values of 2^53 and more, where a float keeps not every integer; they are suspect",
            registry=registry,
        )
        self._seconds = Histogram(
            "korat_ingest_flush_seconds", "From the check to the acknowledgement", registry=registry
        )
        self._cpu = Counter("korat_ingest_flush_cpu_seconds", "CPU of the process during flushes", registry=registry)
        self._flushes = Counter("korat_ingest_flushes", "Flushes settled", registry=registry)
        self._conflicts = Counter(
            "korat_ingest_settle_conflicts", "Flushes begun again: another worker came first", registry=registry
        )
        self._retries = Counter(
            "korat_ingest_unavailable_retries", "Tries that found store or ledger down", registry=registry
        )
        held = Gauge("korat_ingest_unacked_messages", "Messages received, not yet acknowledged", registry=registry)
        held.set_function(lambda: session.held)
        ahead = Gauge(
            "korat_ingest_clock_ahead_seconds",
            "Our clock ahead of the city's, as gateways or the database tell; NaN: none can tell",
            registry=registry,
        )
        ahead.set_function(lambda: math.nan if clock.verdict is None else clock.verdict.ahead_s)
        wrong = Gauge("korat_ingest_clock_wrong", "1: ingest stands still, for our clock is wrong", registry=registry)
        wrong.set_function(lambda: float(clock.is_wrong))
        self._longest = RollingMax()
        self._longest_write = RollingMax()
        self._latencies: dict[str, RollingMax] = {}
        longest = Gauge("korat_ingest_flush_longest_seconds", "Longest flush of the last minute", registry=registry)
        longest.set_function(self._longest.value)
        write = Gauge("korat_ingest_store_longest_seconds", "Longest write of the last minute", registry=registry)
        write.set_function(self._longest_write.value)
        self._latency = Gauge(
            "korat_ingest_end_to_end_latency_seconds",
            "Longest time from measurement to store, of the last minute; the gateway is empty for direct devices",
            ["gateway"],
            registry=registry,
        )

    def settled(self, flush: Settlement, inexact: int) -> None:
        """Count a settled flush by outcome, and its values that may have lost digits."""
        self._inexact.inc(inexact)
        # summed first: a counter costs ten times what an addition does, and a flush has a thousand sources
        for name, counter in self._outcomes.items():
            counter.inc(sum(map(attrgetter(name), flush.counts.values())))
        for payload in flush.quarantined:
            self._quarantined.labels(payload.reason).inc(payload.payloads)
        for reason, payloads in flush.condensed.items():
            self._condensed.labels(reason).inc(payloads)

    def flushed(self, started: tuple[float, float]) -> None:
        """Note the duration of a flush; `started` is (CPU seconds, monotonic seconds)."""
        self._cpu.inc(time.process_time() - started[0])
        seconds = time.monotonic() - started[1]
        self._seconds.observe(seconds)
        self._longest.note(seconds)
        self._flushes.inc()

    def stored(self, batches: Sequence[TracedBatch], now_ns: int, began_s: float) -> None:
        """Note how long the store took for a flush, and how old the oldest reading of each gateway was.

        The platform's own readings are left out: its hourly counters carry the hour that they count.
        """
        self._longest_write.note(time.monotonic() - began_s)
        for traced in batches:
            if traced.batch.kind == PLATFORM:
                continue
            for code, gateway in enumerate(traced.gateways):
                times = traced.batch.time_ns[traced.gateway == code]
                if len(times):
                    self._note_latency(gateway, (now_ns - int(times.min())) / 1e9)

    def _note_latency(self, gateway: str, latency_s: float) -> None:
        longest = self._latencies.get(gateway)
        if longest is None:
            longest = self._latencies[gateway] = RollingMax()
            self._latency.labels(gateway).set_function(longest.value)
        longest.note(latency_s)

    def not_received(self, undated: Sequence[str]) -> None:
        """Count retained readings without a time by their devices, and name each device in the log once."""
        self._undated.inc(len(undated))
        for device in set(undated) - self._undated_devices:
            if len(self._undated_devices) < MAX_NAMED:
                self._undated_devices.add(device)
                log.warning("retained without a time: this is state, not a measurement", device=device)

    def conflicted(self) -> None:
        """Count a flush that has to be checked again."""
        self._conflicts.inc()

    def retried(self) -> None:
        """Count a try that found something down."""
        self._retries.inc()


class CleanupMetrics:
    """What the clean-up counts."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._expired = Counter("korat_cleanup_expired", "Rows that expired", ["what"], registry=registry)
        self.journal = Gauge("korat_cleanup_journal_entries", "Entries that the journal holds", registry=registry)

    def expired(self, what: str, rows: int) -> None:
        """Count rows that went."""
        self._expired.labels(what).inc(rows)

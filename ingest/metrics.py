"""What ingest counts about itself, for Prometheus: rate, errors and duration of each flush."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from city.ledger.port import Settlement
from city.mqtt import Session


class Metrics:
    """Counters of one worker, in a registry that the API's `/metrics` shows."""

    def __init__(self, registry: CollectorRegistry, session: Session) -> None:
        names = ("received", "stored", "duplicate", "quarantined", "rejected")
        self._readings = Counter(
            "korat_ingest_readings", "Readings settled, by outcome", ["outcome"], registry=registry
        )
        self._outcomes = {name: self._readings.labels(name) for name in names}
        self._suspects = Counter("korat_ingest_suspects", "Payloads quarantined", ["reason"], registry=registry)
        self._seconds = Histogram("korat_ingest_flush_seconds", "Load to acknowledgement", registry=registry)
        self._cpu = Counter("korat_ingest_flush_cpu_seconds", "CPU of the process during flushes", registry=registry)
        self._flushes = Counter("korat_ingest_flushes", "Flushes settled", registry=registry)
        self._races = Counter("korat_ingest_races", "Flushes begun again: another worker came first", registry=registry)
        self._waits = Counter("korat_ingest_waits", "Tries that found store or ledger down", registry=registry)
        held = Gauge("korat_ingest_held_messages", "Messages received, not yet acknowledged", registry=registry)
        held.set_function(lambda: session.held)

    def settled(self, flush: Settlement) -> None:
        """Count a settled flush by outcome."""
        for counts in flush.counts.values():
            for name, counter in self._outcomes.items():
                counter.inc(getattr(counts, name))
        for suspect in flush.suspects:
            self._suspects.labels(suspect.reason).inc()

    def flushed(self, started: tuple[float, float]) -> None:
        """Note the duration of a flush; `started` is (CPU seconds, monotonic seconds)."""
        self._cpu.inc(time.process_time() - started[0])
        self._seconds.observe(time.monotonic() - started[1])
        self._flushes.inc()

    def raced(self) -> None:
        """Count a flush that has to be checked again."""
        self._races.inc()

    def waited(self) -> None:
        """Count a try that found something down."""
        self._waits.inc()

"""Publishes once a minute how this process, the ledger and the broker are, as any device would: over the broker."""

import asyncio
import contextlib
import math
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from city import topics
from city.catalog import PLATFORM
from city.errors import Unavailable
from city.mqtt import Message, MqttError, Session, Subscription
from city.reading import Reading
from city.wire import direct
from korat.backends import Backends
from korat.process import Service
from korat.self_metrics.ledger_metrics import LedgerMetrics
from korat.self_metrics.process_metrics import ProcessMetrics
from korat.settings import PlatformSettings

log = structlog.get_logger("self_metrics")

API: Final = "api"
INGEST: Final = "ingest"

BROKER_TOPICS: Final = {
    "$SYS/broker/load/messages/received/1min": ("broker_rate", 60.0),
    "$SYS/broker/load/publish/dropped/1min": ("broker_dropped_rate", 60.0),
    "$SYS/broker/clients/connected": ("broker_clients", 1.0),
    "$SYS/broker/store/messages/count": ("broker_queued", 1.0),
}
"""Topic to quantity, and what its figure is divided by (mosquitto(8), "Broker Status")."""


def self_metrics(
    settings: PlatformSettings, backends: Backends, metrics: CollectorRegistry, rooms: frozenset[str]
) -> Service:
    """Publish how this process is; a service for it.

    Args:
        settings: All of them.
        backends: Store and ledger.
        metrics: Counters of the rooms that run here.
        rooms: Which do: `INGEST` adds the ledger's and the broker's figures.
    """

    async def service(stop: asyncio.Event) -> None:
        if not settings.city.self_metrics_interval_s:
            await stop.wait()
            return
        ledger_metrics = LedgerMetrics(backends.ledger, backends.store, PLATFORM)
        publisher = MetricsPublisher(settings, rooms, ProcessMetrics(metrics), ledger_metrics)
        subscriptions = [Subscription(topic, qos=0) for topic in BROKER_TOPICS] if INGEST in rooms else []
        async with Session(
            settings.mqtt.address(),
            client_id=f"korat-self-metrics-{'-'.join(sorted(rooms))}-{host()}-{settings.ingest.worker}",
            subscriptions=subscriptions,
            session_expiry_s=0,
            name="self_metrics",
        ) as session:
            following = asyncio.create_task(publisher.follow_broker(session), name="broker figures")
            while not await _stopped(stop, settings.city.self_metrics_interval_s):
                await publisher.publish(session)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    return service


@dataclass(slots=True)
class MetricsPublisher:
    """Gathers the figures of one interval and publishes them."""

    settings: PlatformSettings
    rooms: frozenset[str]
    process: ProcessMetrics
    ledger: LedgerMetrics
    _broker: dict[str, float] = field(default_factory=dict)

    async def follow_broker(self, session: Session) -> None:
        """Keep the broker's newest figures."""
        while True:
            messages: list[Message] = await session.receive()
            self._broker |= broker_figures(messages)
            session.acknowledge(messages)

    async def publish(self, session: Session) -> None:
        """Publish; a figure that can't be had or sent now is left out, and nothing waits for it."""
        now_ns = time.time_ns() // 10**6 * 10**6
        self.process.sample()
        readings = [Reading(device, PLATFORM, now_ns, values) for device, values in self._own()]
        with contextlib.suppress(MqttError):
            if INGEST in self.rooms:
                try:
                    lags = self.process.gauges("korat_ingest_end_to_end_latency_seconds", "gateway")
                    readings += await self.ledger.readings(now_ns, lags)
                    devices = await self.ledger.device_counts()
                    readings.append(Reading(f"ingest-{self.settings.ingest.worker}", PLATFORM, now_ns, devices))
                except Unavailable as error:
                    log.info("figures left out", error=str(error))
            for reading in readings:
                topic = topics.of_reading(self.settings.city.province, reading)
                await session.publish(topic, direct.encode([reading]))

    def _own(self) -> Iterator[tuple[str, dict[str, float]]]:
        if INGEST in self.rooms:
            yield f"ingest-{self.settings.ingest.worker}", ingest_figures(self.process) | self.process.usage()
            if self._broker:
                yield "broker", dict(self._broker)
        if API in self.rooms:
            yield f"api-{host()}", api_figures(self.process) | self.process.usage()


def broker_figures(messages: list[Message]) -> dict[str, float]:
    """Give the newest figure of each of `BROKER_TOPICS`; what is no number is left out."""
    found: dict[str, float] = {}
    for message in messages:
        if message.topic in BROKER_TOPICS:
            quantity, divisor = BROKER_TOPICS[message.topic]
            with contextlib.suppress(ValueError):
                found[quantity] = float(message.payload) / divisor
    return found


def ingest_figures(process: ProcessMetrics) -> dict[str, float]:
    """Give what ingest did in the last interval: rates per second, durations in seconds."""
    readings, seconds = "korat_ingest_readings_total", process.seconds
    bad = process.increase(readings, outcome="quarantined") + process.increase(readings, outcome="rejected")
    flushes = process.increase("korat_ingest_flushes_total")
    figures = {"settled_rate": process.increase(readings, outcome="received") / seconds, "error_rate": bad / seconds}
    if flushes:
        figures["flush_cpu"] = process.increase("korat_ingest_flush_cpu_seconds_total") / flushes
        figures["flush_duration"] = process.gauge("korat_ingest_flush_longest_seconds")
        figures["store_duration"] = process.gauge("korat_ingest_store_longest_seconds")
    ahead_s = process.gauge("korat_ingest_clock_ahead_seconds")
    if not math.isnan(ahead_s):
        # a status is some time under way: within a second or two the clocks may be equal
        figures["clock_skew"] = round(ahead_s, 3)
    return figures


def api_figures(process: ProcessMetrics) -> dict[str, float]:
    """Give what the API answered in the last interval: rates per second, the 95th percentile in seconds."""
    requests = "korat_api_requests_total"
    figures = {
        "request_rate": process.increase(requests) / process.seconds,
        "request_error_rate": process.server_errors(requests) / process.seconds,
    }
    slow = process.percentile("korat_api_request_seconds")
    return figures if slow is None else figures | {"request_duration": slow}


def host() -> str:
    """Name of this machine, as an id."""
    return re.sub(r"[^a-z0-9-]", "-", socket.gethostname().lower()).strip("-")[:32] or "host"


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return stop.is_set()

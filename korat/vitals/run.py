"""Says once a minute how this process, the ledger and the broker are, as any device would: over the broker."""

import asyncio
import contextlib
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
from korat.process import Service
from korat.settings import Everything
from korat.stack import Stack
from korat.vitals import broker
from korat.vitals.books import Books
from korat.vitals.samples import Samples

log = structlog.get_logger("vitals")

API: Final = "api"
INGEST: Final = "ingest"


def vitals(settings: Everything, stack: Stack, metrics: CollectorRegistry, rooms: frozenset[str]) -> Service:
    """Say how this process is; a service for it.

    Args:
        settings: All of them.
        stack: Store and ledger.
        metrics: Counters of the rooms that run here.
        rooms: Which do: `INGEST` says the ledger's and the broker's figures too.
    """

    async def service(stop: asyncio.Event) -> None:
        if not settings.city.self_metrics_interval_s:
            await stop.wait()
            return
        speaker = Speaker(settings, rooms, Samples(metrics), Books(stack.ledger, stack.store, PLATFORM))
        listening = [Subscription(topic, qos=0) for topic in broker.TOPICS] if INGEST in rooms else []
        name = f"korat-vitals-{'-'.join(sorted(rooms))}-{host()}-{settings.ingest.worker}"
        address = settings.mqtt.address()
        async with Session(address, client_id=name, subscriptions=listening, session_expiry_s=0, name="vitals") as said:
            hearing = asyncio.create_task(speaker.hear(said), name="vitals hear")
            while not await _stopped(stop, settings.city.self_metrics_interval_s):
                await speaker.speak(said)
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)

    return service


@dataclass(slots=True)
class Speaker:
    """Gathers the figures of one minute and publishes them."""

    settings: Everything
    rooms: frozenset[str]
    samples: Samples
    books: Books
    _broker: dict[str, float] = field(default_factory=dict)

    async def hear(self, session: Session) -> None:
        """Keep what the broker says of itself."""
        while True:
            messages: list[Message] = await session.receive()
            self._broker |= broker.understand(messages)
            session.acknowledge(messages)

    async def speak(self, session: Session) -> None:
        """Publish; what can't be had or said now is left out, and nothing waits for it."""
        now_ns = time.time_ns() // 10**6 * 10**6
        self.samples.look()
        said = [Reading(device, PLATFORM, now_ns, values) for device, values in self._own()]
        with contextlib.suppress(MqttError):
            if INGEST in self.rooms:
                try:
                    lags = self.samples.gauges("korat_ingest_end_to_end_latency_seconds", "gateway")
                    said += await self.books.readings(now_ns, lags)
                    said.append(
                        Reading(f"ingest-{self.settings.ingest.worker}", PLATFORM, now_ns, await self.books.heard())
                    )
                except Unavailable as error:
                    log.info("figures left out", error=str(error))
            for reading in said:
                topic = topics.of_reading(self.settings.city.province, reading)
                await session.publish(topic, direct.encode([reading]))

    def _own(self) -> Iterator[tuple[str, dict[str, float]]]:
        samples = self.samples
        if INGEST in self.rooms:
            yield f"ingest-{self.settings.ingest.worker}", ingest_figures(samples) | samples.process()
            if self._broker:
                yield "broker", dict(self._broker)
        if API in self.rooms:
            yield f"api-{host()}", api_figures(samples) | samples.process()


def ingest_figures(samples: Samples) -> dict[str, float]:
    """What ingest did since the last look."""
    readings, seconds = "korat_ingest_readings_total", samples.seconds
    bad = samples.grown(readings, outcome="quarantined") + samples.grown(readings, outcome="rejected")
    flushes = samples.grown("korat_ingest_flushes_total")
    figures = {"settled_rate": samples.grown(readings, outcome="received") / seconds, "error_rate": bad / seconds}
    if flushes:
        figures["flush_cpu"] = samples.grown("korat_ingest_flush_cpu_seconds_total") / flushes
        figures["flush_duration"] = samples.gauge("korat_ingest_flush_longest_seconds")
        figures["store_duration"] = samples.gauge("korat_ingest_store_longest_seconds")
    return figures


def api_figures(samples: Samples) -> dict[str, float]:
    """What the API answered since the last look."""
    requests = "korat_api_requests_total"
    figures = {
        "request_rate": samples.grown(requests) / samples.seconds,
        "request_error_rate": samples.server_errors(requests) / samples.seconds,
    }
    slow = samples.percentile("korat_api_request_seconds")
    return figures if slow is None else figures | {"request_duration": slow}


def host() -> str:
    """Name of this machine, as an id."""
    return re.sub(r"[^a-z0-9-]", "-", socket.gethostname().lower()).strip("-")[:32] or "host"


async def _stopped(stop: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return stop.is_set()

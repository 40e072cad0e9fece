"""Ingest as a service: one worker, wired from its parts."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import structlog
from prometheus_client import CollectorRegistry

from city import topics
from city.arrival_clock import ArrivalClock, arrival_ns
from city.errors import Unavailable
from city.ledger.port import Ledger
from city.mqtt import Address, Session, Subscription
from city.registry.port import Registry
from city.secret import read_key
from city.settings import named
from city.store.port import Store
from ingest.budgets import Budgets
from ingest.city_clock import CityClock
from ingest.cleanup import Cleanup
from ingest.clock_watch import ClockWatch
from ingest.device_cache import DeviceCache
from ingest.load import Decode, Loader
from ingest.metrics import CleanupMetrics, Metrics
from ingest.pipeline import Pipeline
from ingest.receipts import ReceiptSender
from ingest.redrive import Redrive
from ingest.settings import IngestSettings, RetentionSettings

FINISH_S: Final = 1.0
"""A flush that has begun gets so long to end when ingest stops."""

QUIET_S: Final = 5.0
"""A worker that leaves is done when nothing came for so long."""

_LOOK_S: Final = 0.2
_MAX_RECONNECTS: Final = 1
"""Fewer than after which a rival of the same name slows down: in such a pause the session would look drained."""

log = structlog.get_logger("ingest")

Checks = dict[str, Callable[[], Awaitable[None]]]


async def run(
    settings: IngestSettings,
    *,
    address: Address,
    store: Store,
    ledger: Ledger,
    registry: Registry,
    decode: Decode,
    stop: asyncio.Event,
    metrics: CollectorRegistry | None = None,
    checks: Checks | None = None,
    leaving: bool = False,
    retention: RetentionSettings | None = None,
    read_clock: Callable[[], int] = time.time_ns,
) -> None:
    """Work until `stop` is set; a flush that has begun is finished first when it can be within a second.

    A worker that leaves for good takes nothing new: it settles what the broker holds for it, has its session forgotten,
    and sets `stop` itself.

    Args:
        settings: Ingest's own settings.
        address: The broker.
        store: Where readings go.
        ledger: Where their outcomes are counted.
        registry: Where devices are registered.
        decode: The gateways' decoders, for quarantined payloads that are tried again.
        stop: Set it to end.
        metrics: Where to register counters.
        checks: Filled with this service's readiness checks.
        leaving: This worker won't come back.
        retention: How long things are kept.
        read_clock: Our clock, nanoseconds UTC.
    """
    name = f"korat-{settings.group}-{settings.worker}"
    taken, given_up = subscriptions(settings)
    session = Session(
        address,
        client_id=name,
        subscriptions=() if leaving else taken,
        withdrawn=[*given_up, *taken] if leaving else given_up,
        max_messages=settings.inflight_messages,
        max_bytes=settings.inflight_bytes,
        name="ingest",
        clock=arrival_ns if read_clock is time.time_ns else ArrivalClock(read_clock),
    )
    key = read_key(settings.receipt_key_file, named(IngestSettings, "receipt_key_file"))
    clock = CityClock(settings.max_future_skew_s, read=read_clock)
    witnesses = [Subscription(topics.STATUSES, qos=0)]
    watch_session = Session(
        address, client_id=f"{name}-clock", subscriptions=witnesses, session_expiry_s=0, name="ingest clock"
    )
    watch = ClockWatch(clock, watch_session, ledger)
    devices = DeviceCache(registry)
    loader = Loader(Budgets(settings), devices.places)
    collectors = metrics or CollectorRegistry()
    counters = Metrics(collectors, session, clock)
    receipts = ReceiptSender(session, key, read_clock)
    pipeline = Pipeline(settings, session, store, ledger, devices, loader, receipts, counters, clock)
    redrive = Redrive(store, ledger, devices, decode, settings.max_future_skew_s, clock)
    cleanup = Cleanup(
        store,
        ledger,
        registry,
        retention or RetentionSettings.model_validate({}),
        name,
        lambda: pipeline.position,
        CleanupMetrics(collectors),
        clock,
    )
    if checks is not None:
        checks.update(readiness(session, pipeline))
    async with session, watch_session:
        tasks = [
            asyncio.create_task(_work(pipeline, watch), name="ingest pipeline"),
            asyncio.create_task(watch.run(), name="ingest clock"),
            asyncio.create_task(redrive.run(), name="ingest redrive"),
        ]
        if leaving:
            tasks.append(asyncio.create_task(_until_drained(session), name="ingest leaves"))
        else:
            tasks.append(asyncio.create_task(cleanup.run(), name="ingest clean-up"))
        try:
            stopped = await _until_stopped(stop, tasks)
        finally:
            await pipeline.finish(FINISH_S)
        if leaving and stopped:
            raise Unavailable("stopped before all was settled; the rest waits at the broker: start --leave again")
        if leaving:
            session.forget()
            stop.set()


async def _work(pipeline: Pipeline, watch: ClockWatch) -> None:
    await watch.first_look(pipeline.session)
    await pipeline.run()


async def _until_stopped(stop: asyncio.Event, tasks: Sequence[asyncio.Task[None]]) -> bool:
    """Wait until `stop` is set (True) or a task ends (False), and cancel the others; a task's error is raised."""
    stopping = asyncio.create_task(stop.wait(), name="ingest stop")
    try:
        done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in [stopping, *tasks]:
            task.cancel()
        await asyncio.gather(stopping, *tasks, return_exceptions=True)
    for task in done - {stopping}:
        task.result()
    return stopping in done


async def _until_drained(session: Session) -> None:
    """Return once the broker has nothing more for this session: it hands over what it holds without a pause.

    Raises:
        Unavailable: The connection doesn't last; a worker of this name may be at work.
    """
    loop = asyncio.get_running_loop()
    busy_s = loop.time()
    while loop.time() < busy_s + QUIET_S:
        await asyncio.sleep(_LOOK_S)
        if session.connection - 1 > _MAX_RECONNECTS:
            raise Unavailable("the connection doesn't last: is a worker of this name at work? Nothing is lost")
        if session.held or not session.is_connected:
            busy_s = loop.time()
    log.info("nothing is left for this worker", messages=session.counters.acknowledged)


def subscriptions(settings: IngestSettings) -> tuple[list[Subscription], list[Subscription]]:
    """Everything of the city, shared among the workers if there are several, and the retained statuses.

    A single worker shares nothing: on an open broker any client may join a shared subscription, and takes its share
    away for good. What is shared gets no retained messages (MQTT 5, 4.8.2), and those of devices are not wanted, hence
    the subscription to the statuses. mosquitto before 2.0.13 sends them to shares all the same; `ingest.load` knows
    them.

    Returns:
        What this worker subscribes to, and what its session may still have from when there were more or fewer.
    """
    plain = Subscription(topics.EVERYTHING, retained=False)
    shared = Subscription(f"$share/{settings.group}/{topics.EVERYTHING}", retained=False)
    used, given_up = (shared, plain) if settings.workers > 1 else (plain, shared)
    return [used, Subscription(topics.STATUSES)], [given_up]


def readiness(session: Session, pipeline: Pipeline) -> Mapping[str, Callable[[], Awaitable[None]]]:
    """Checks that raise with a sentence when ingest can't do its work."""

    async def broker() -> None:
        if not session.is_connected:
            raise Unavailable(session.last_error or "not connected to the broker yet")

    async def ingest() -> None:
        pipeline.clock.check()
        if pipeline.trouble:
            raise Unavailable(pipeline.trouble)

    return {"broker": broker, "ingest": ingest}

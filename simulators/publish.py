"""Runs the simulated city: each device publishes its direct readings at its cadence.

Because a reading is a function of its instant, nothing has to be kept while the broker is away: what was missed is
computed again, up to ten minutes of it.
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import structlog

from city import topics
from city.batch import Batch, Times
from city.catalog import NAMED_KINDS
from city.mqtt.address import Address
from city.reading import Reading
from city.wire import direct
from simulators.publisher import Publisher
from simulators.randomness import fixed, key
from simulators.settings import SimulatorSettings
from simulators.world import World

_log: Final = structlog.get_logger()
_NS: Final = 1_000_000_000
_AHEAD_NS: Final = 4 * _NS  # computed at once: numpy costs by the call, not by the row
_MAX_BEHIND_NS: Final = 600 * _NS
_TICK_S: Final = 0.1


@dataclass(slots=True)
class PublishReport:
    """What a run did, in readings: `sent` to the broker, `confirmed` by it, `skipped` because it was away too long."""

    sent: int = 0
    confirmed: int = 0
    skipped: int = 0


class _Due(NamedTuple):
    time_ns: int
    topic: str
    reading: Reading


async def run(settings: SimulatorSettings, *, province: str, address: Address, stop: asyncio.Event) -> PublishReport:
    """Publish until `stop` is set, in a thread of its own; returns within a second of it.

    Args:
        settings: Which city, and how lively.
        province: ISO 3166-2 code of a shipped profile, in lower case.
        address: The broker.
        stop: Set it to end the run.

    Raises:
        ConfigurationError: There is no such province, or the broker refused the connection for good.
    """
    ended = threading.Event()
    work = asyncio.create_task(
        asyncio.to_thread(publish, settings, province=province, address=address, stop=ended), name="simulated-city"
    )
    waiting = asyncio.create_task(stop.wait(), name="simulated-city-stop")
    try:
        await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # also when this task is cancelled the thread must end
        ended.set()
        waiting.cancel()
    return await work


def publish(settings: SimulatorSettings, *, province: str, address: Address, stop: threading.Event) -> PublishReport:
    """Do as `run` does, in the calling thread."""
    world = World(province, settings.seed, settings.devices, interval_s=intervals(settings))
    report = PublishReport()
    with Publisher(address, f"simulator-{province}") as publisher:
        publisher.start()
        _log.info("simulated_city_started", province=province, devices=len(world.devices), broker=str(address))
        cursor = time.time_ns()
        while not stop.is_set():
            cursor, due = _plan(world, cursor, report)
            _send(publisher, due, stop, report)
        publisher.close(grace_s=0.2)
        report.confirmed = publisher.confirmed
    _log.info("simulated_city_stopped", sent=report.sent, confirmed=report.confirmed, skipped=report.skipped)
    return report


def intervals(settings: SimulatorSettings) -> dict[str, float]:
    """Give the seconds between two readings of a device, by kind; whole milliseconds, as the wire has them."""
    paces = {kind: min(row.cadence_s, settings.slowest_s) / settings.pace for kind, row in NAMED_KINDS.items()}
    return {kind: max(round(interval_s, 3), 0.001) for kind, interval_s in paces.items()}


def due(world: World, kind: str, start_ns: int, end_ns: int) -> Batch | None:
    """Read what one kind's devices read in [start, end): each on its own grid, the same after a restart."""
    step_ns = round(world.interval_s[kind] * 1000) * 1_000_000
    ids = world.ids(kind)
    keys = np.array([key(0, device) for device in ids], np.uint64)
    phase = (fixed(keys, "phase") * (step_ns // 1_000_000)).astype(np.int64) * 1_000_000
    first = -((phase - start_ns) // step_ns)  # rounded up
    count = -((phase - end_ns) // step_ns) - first
    rows = np.repeat(np.arange(len(ids), dtype=np.int32), count)
    nth = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    instants: Times = phase[rows] + (first[rows] + nth) * step_ns
    return world.batch(kind, rows, instants) if len(rows) else None


def _plan(world: World, cursor: int, report: PublishReport) -> tuple[int, list[_Due]]:
    now = time.time_ns()
    start = max(cursor, now - _MAX_BEHIND_NS)
    end = start + _AHEAD_NS
    report.skipped += int((start - cursor) / _NS * sum(len(world.ids(k)) / world.interval_s[k] for k in world.kinds))
    code = world.province.code
    planned = [_Due(r.time_ns, topics.of_reading(code, r), r) for r in _readings(world, start, end)]
    planned.sort(key=lambda row: row.time_ns)
    return end, planned


def _readings(world: World, start: int, end: int) -> Iterator[Reading]:
    for kind in world.kinds:
        batch = due(world, kind, start, end)
        if batch is not None:
            yield from batch.readings()


def _send(publisher: Publisher, planned: list[_Due], stop: threading.Event, report: PublishReport) -> None:
    """Publish each when its time comes; what is late goes at once, as fast as the broker confirms."""
    position = 0
    while position < len(planned) and not stop.is_set():
        publisher.check()
        now, room = time.time_ns(), publisher.room
        while position < len(planned) and room and planned[position].time_ns <= now:
            row = planned[position]
            publisher.publish(row.topic, direct.encode([row.reading]), 1)
            report.sent += 1
            room -= 1
            position += 1
        if position < len(planned):
            late = planned[position].time_ns <= now
            stop.wait(0.01 if late and publisher.connected else _TICK_S)
        if planned and time.time_ns() - planned[0].time_ns > _MAX_BEHIND_NS:
            break  # the broker was away: begin again nearer to now
    report.skipped += 0 if stop.is_set() else len(planned) - position

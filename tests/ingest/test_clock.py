"""Ingest whose own clock is wrong stands still with a sentence, and loses nothing."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from city import topics
from city.errors import ClockWrong
from city.outcomes import Counts
from city.wire import status
from city.wire.status import Status
from support.ingesting import PROVINCE, Platform, platform
from support.mosquitto import Mosquitto

HOUR_S = 3600


class Wrong:
    """Ingest's clock, which a test sets."""

    def __init__(self, by_s: float = 0) -> None:
        self.by_s = by_s

    def __call__(self) -> int:
        return time.time_ns() + int(self.by_s * 1e9)


async def publish_statuses(korat: Platform, *ahead_s: float) -> None:
    for number, each_s in enumerate(ahead_s):
        told = Status(online=True, spool=f"s-{number}", pending=0, at_ns=time.time_ns() + int(each_s * 1e9))
        await korat.client.publish(topics.status(PROVINCE, f"gw-{number}"), status.encode(told), retain=True)


async def stands_still(korat: Platform) -> bool:
    try:
        await korat.checks["ingest"]()
    except ClockWrong:
        return True
    return False


async def goes_on(korat: Platform) -> bool:
    return not await stands_still(korat)


def dated(ahead_s: float = 0) -> dict[str, object]:
    return {"ts": int((time.time() + ahead_s) * 1000), "values": {"rain_rate": 1}}


def metric(korat: Platform, name: str) -> float | None:
    return korat.metrics.get_sample_value(name)


async def settles_nothing(korat: Platform, before: int) -> None:
    await asyncio.sleep(1.0)
    assert (await korat.counts()).received == before


@pytest.mark.parametrize("by_s", [HOUR_S, -HOUR_S])
async def test_three_gateways_stop_an_ingest_whose_clock_is_an_hour_wrong_until_it_is_set_right(
    broker: Mosquitto, tmp_path: Path, by_s: float
) -> None:
    clock = Wrong()
    async with platform(broker, tmp_path, read_clock=clock) as korat:
        await publish_statuses(korat, 0, 0, 0)
        await korat.send("rain", "r-0", dated())
        assert await korat.received(1) == Counts(received=1, stored=1)
        clock.by_s = by_s
        before_ns = time.time_ns()
        await korat.send("rain", "r-1", dated())
        await korat.send("rain", "undated", {"values": {"rain_rate": 1}})
        await korat.until(lambda: stands_still(korat))
        await settles_nothing(korat, 1)
        with pytest.raises(
            ClockWrong, match=rf"clock is 3\d\d\d s {'ahead of' if by_s > 0 else 'behind'} the city's.*gateways"
        ):
            await korat.checks["ingest"]()
        assert metric(korat, "korat_ingest_clock_wrong") == 1
        assert metric(korat, "korat_ingest_clock_ahead_seconds") == pytest.approx(by_s, abs=10)
        clock.by_s = 0
        assert await korat.received(3) == Counts(received=3, stored=3)
        assert await goes_on(korat)
        assert metric(korat, "korat_ingest_clock_wrong") == 0
        ((time_ns, _, _),) = (await korat.latest("undated")).values()
        assert before_ns - 10**9 < time_ns <= time.time_ns(), "dated by the wrong clock"


async def test_the_retained_statuses_stop_an_ingest_that_starts_an_hour_behind_before_it_takes_anything(
    broker: Mosquitto, tmp_path: Path
) -> None:
    async with platform(broker, tmp_path) as korat:
        await publish_statuses(korat, 0, 0, 0)
        await korat.send("rain", "r-0", dated())
        await korat.received(1)
    async with platform(broker, tmp_path, read_clock=Wrong(-HOUR_S)) as korat:
        await korat.send("rain", "r-1", dated())
        await korat.until(lambda: stands_still(korat))
        await settles_nothing(korat, 1)
    async with platform(broker, tmp_path) as korat:
        assert await korat.received(2) == Counts(received=2, stored=2)


@pytest.mark.parametrize("ahead_s", [(HOUR_S, 0, 0), (HOUR_S, HOUR_S), (HOUR_S, 2 * HOUR_S, 3 * HOUR_S), (-HOUR_S,)])
async def test_one_liar_two_gateways_and_gateways_that_disagree_stop_nothing(
    broker: Mosquitto, tmp_path: Path, ahead_s: tuple[float, ...]
) -> None:
    async with platform(broker, tmp_path) as korat:
        await publish_statuses(korat, *ahead_s)
        await asyncio.sleep(0.2)
        await korat.send("rain", "r-0", dated())
        await korat.send("rain", "r-1", dated(HOUR_S))
        assert await korat.received(2) == Counts(received=2, stored=1, quarantined=1)
        assert await goes_on(korat)


async def test_the_database_alone_stops_it_and_lets_it_go_on(
    broker: Mosquitto, tmp_path: Path, postgres_database: str
) -> None:
    clock = Wrong(-HOUR_S)
    async with platform(broker, tmp_path, read_clock=clock, ledger_url=postgres_database) as korat:
        await korat.send("rain", "r-0", dated())
        await korat.until(lambda: stands_still(korat))
        with pytest.raises(ClockWrong, match=r"3\d\d\d s behind the city's, as the database's server tell"):
            await korat.checks["ingest"]()
        await settles_nothing(korat, 0)
        clock.by_s = 0
        assert await korat.received(1) == Counts(received=1, stored=1)


async def test_with_sqlite_and_one_gateway_none_can_tell(broker: Mosquitto, tmp_path: Path) -> None:
    async with platform(broker, tmp_path, read_clock=Wrong(-HOUR_S)) as korat:
        await publish_statuses(korat, 0)
        await korat.send("rain", "r-0", dated())
        assert await korat.received(1) == Counts(received=1, quarantined=1)
        assert await goes_on(korat)


async def test_while_it_stands_still_nothing_is_acknowledged(broker: Mosquitto, tmp_path: Path) -> None:
    """Killed meanwhile, it finds all of it at the broker again."""
    clock: Callable[[], int] = Wrong(-HOUR_S)
    async with platform(broker, tmp_path) as korat:
        await publish_statuses(korat, 0, 0, 0)
        await asyncio.sleep(0.2)
    async with platform(broker, tmp_path, read_clock=clock) as korat:
        for number in range(300):
            await korat.send("rain", f"r-{number}", dated())
        await korat.until(lambda: stands_still(korat))
        await settles_nothing(korat, 0)
    async with platform(broker, tmp_path) as korat:
        assert await korat.received(300) == Counts(received=300, stored=300)

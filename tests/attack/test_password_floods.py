"""A device floods the broker as it is shipped, with its own password: its neighbour's readings are all stored."""

import asyncio
import itertools
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from city import topics
from city.ledger.port import By
from city.mqtt import Address, MqttError, Session
from support.ingesting import PROVINCE, Platform, platform
from support.own_city import City

SECONDS = 60.0 if os.environ.get("KORAT_CHAOS") == "long" else 3.0
AT_ONCE = 20
Flood = Callable[[City, Session, int], Awaitable[object]]
NEIGHBOUR, OFFENDER = "pm-8", "pm-7"


async def garbage(_: City, offender: Session, number: int) -> None:
    await _publish(offender, f"{number}".encode().ljust(1_000, b"{"))


async def large(_: City, offender: Session, number: int) -> None:
    await _publish(offender, f"{number}".encode().ljust(200_000, b"["))


async def quantities(_: City, offender: Session, number: int) -> None:
    await _publish(offender, b'{"values": {"q%d": 1}}' % number)


async def connections(city: City, _: Session, number: int) -> None:
    """Connect as the neighbour, as ingest, as any: each is refused, TLS and all."""
    name = (NEIGHBOUR, "korat-ingest-1", f"any-{number}")[number % 3]
    async with Session(Address.parse(city.url(OFFENDER)), client_id=name, session_expiry_s=0) as session:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await session.connected()


async def _publish(offender: Session, payload: bytes) -> None:
    try:
        await offender.publish(topics.direct(PROVINCE, "air_quality", OFFENDER), payload)
    except MqttError:
        await asyncio.sleep(0.01)


async def _readings(korat: Platform, neighbour: Session, seconds: float) -> list[float]:
    """Publish ten readings a second, and give how long each took until it could be read."""
    latencies: list[float] = []
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s:
        at_ms, began_s = time.time_ns() // 10**6, time.monotonic()
        body = b'{"ts": %d, "values": {"pm2_5": 18}}' % at_ms
        await neighbour.publish(topics.direct(PROVINCE, "air_quality", NEIGHBOUR), body)

        async def there(at_ns: int = at_ms * 10**6) -> bool:
            return any(value[0] >= at_ns for value in (await korat.latest(NEIGHBOUR)).values())

        await korat.until(there, within_s=120)
        latencies.append(time.monotonic() - began_s)
        await asyncio.sleep(0.1)
    return latencies


@pytest.mark.timeout(600)  # the offender shares our processors, and they may be busy
@pytest.mark.parametrize("flood", [garbage, large, quantities, connections])
async def test_a_flood_with_a_password_costs_the_neighbour_nothing(
    city: City, tmp_path: Path, flood: Flood, capsys: pytest.CaptureFixture[str]
) -> None:
    numbers, stop = itertools.count(), asyncio.Event()

    async def offend(offender: Session) -> None:
        while not stop.is_set():
            await flood(city, offender, next(numbers))

    async with (
        platform(city, tmp_path, address=Address.parse(city.url("ingest"))) as korat,
        Session(Address.parse(city.url(OFFENDER)), client_id=OFFENDER) as offender,
        Session(Address.parse(city.url(NEIGHBOUR)), client_id=NEIGHBOUR) as neighbour,
    ):
        await asyncio.gather(offender.connected(), neighbour.connected())
        quiet = await _readings(korat, neighbour, min(SECONDS, 10.0) / 2)
        async with asyncio.TaskGroup() as offending:
            for _ in range(AT_ONCE):
                offending.create_task(offend(offender))
            loud = await _readings(korat, neighbour, SECONDS)
            stop.set()
        count = len(quiet) + len(loud)

        async def settled() -> bool:
            accounts = await korat.ledger.account(0, 2**62, By.DEVICE, limit=100_000)
            return any(one.key == NEIGHBOUR and one.counts.stored == count for one in accounts)

        await korat.until(settled, within_s=120)
    with capsys.disabled():
        worst = [sorted(each)[int(len(each) * 0.99)] for each in (quiet, loud)]
        print(
            f"\n  {flood.__name__}: {next(numbers)} in {SECONDS:g} s; p99 quiet {worst[0]:.3f} s, loud {worst[1]:.3f} s"
        )

"""One worker has a subscription of its own, several share one; a session that changes sides loses nothing."""

import asyncio
from collections import Counter

import pytest

from city.mqtt import Address, Session, Subscription
from ingest.run import subscriptions
from ingest.settings import IngestSettings
from support.mosquitto import Mosquitto

TOPIC = "city/th-30/smart_city/air_quality/pm-8"


def worker(broker: Mosquitto, workers: int) -> Session:
    taken, given_up = subscriptions(IngestSettings.model_validate({"workers": workers}))
    return Session(
        Address(broker.host, broker.port), client_id="korat-ingest-1", subscriptions=taken, withdrawn=given_up
    )


def client(broker: Mosquitto, name: str, *filters: str) -> Session:
    return Session(
        Address(broker.host, broker.port), client_id=name, subscriptions=[Subscription(each) for each in filters]
    )


async def collect(session: Session, wanted: set[bytes]) -> Counter[bytes]:
    """Take what comes until all that is wanted is there, and a moment longer for what comes twice."""
    got: Counter[bytes] = Counter()
    async with asyncio.timeout(10):
        while not wanted <= got.keys():
            messages = await session.receive()
            session.acknowledge(messages)
            got.update(message.payload for message in messages)
    await asyncio.sleep(0.2)
    if session.waiting:
        messages = await session.receive()
        session.acknowledge(messages)
        got.update(message.payload for message in messages)
    return got


def numbered(first: int, last: int) -> set[bytes]:
    return {b"%d" % number for number in range(first, last)}


async def publish(session: Session, first: int, last: int) -> None:
    for number in range(first, last):
        await session.publish(TOPIC, b"%d" % number)


@pytest.mark.parametrize("online", [True, False])
async def test_who_joins_the_share_on_an_open_broker_takes_nothing_from_a_single_worker(
    broker: Mosquitto, *, online: bool
) -> None:
    async with worker(broker, 1) as ingest, client(broker, "pm-8") as device:
        await ingest.connected()
        await device.connected()
        async with client(broker, "intruder", "$share/ingest/city/#", "$share/ingest/#") as intruder:
            await intruder.connected()
            if online:
                await publish(device, 0, 100)
        if not online:
            await publish(device, 0, 100)
        assert await collect(ingest, numbered(0, 100)) == Counter(numbered(0, 100))


async def test_a_session_that_changes_sides_keeps_its_queue_and_gets_each_message_once(broker: Mosquitto) -> None:
    async with client(broker, "pm-8") as device:
        await device.connected()
        async with worker(broker, 1) as ingest:
            await ingest.connected()
        number = 0
        for workers in (1, 2, 1, 2, 2, 1):
            await publish(device, number, number + 20)
            async with worker(broker, workers) as ingest:
                await ingest.connected()
                await publish(device, number + 20, number + 40)
                expected = numbered(number, number + 40)
                assert await collect(ingest, expected) == Counter(expected), (number, workers)
            number += 40


async def test_nothing_is_lost_while_a_session_changes_sides(broker: Mosquitto) -> None:
    """A device publishes all the while: rather twice than never."""
    sent = 0
    got: Counter[bytes] = Counter()

    async def device() -> None:
        nonlocal sent
        async with client(broker, "pm-8") as session:
            await session.connected()
            while True:
                await session.publish(TOPIC, b"%d" % sent)
                sent += 1

    async with worker(broker, 1) as ingest:
        await ingest.connected()
    publishing = asyncio.create_task(device())
    for turn in range(10):
        async with worker(broker, 1 + turn % 2) as ingest:
            await ingest.connected()
            got += await collect(ingest, set())
    publishing.cancel()
    await asyncio.gather(publishing, return_exceptions=True)
    async with worker(broker, 1) as ingest:
        got += await collect(ingest, numbered(0, sent) - got.keys())
    assert sent > 0


def test_several_workers_still_share() -> None:
    taken, given_up = subscriptions(IngestSettings.model_validate({"workers": 2, "group": "g"}))
    assert [each.pattern for each in taken] == ["$share/g/city/#", "city/+/gateway/+/status"]
    assert [each.pattern for each in given_up] == ["city/#"]

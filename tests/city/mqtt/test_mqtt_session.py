"""Sessions with a real mosquitto, with paho-mqtt as a second opinion."""

import asyncio
import queue
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
import uvloop
from paho.mqtt.enums import CallbackAPIVersion

from city.mqtt import Address, Disconnected, Message, PublishRefused, Session, Subscription, Will
from support.mosquitto import Mosquitto

CITY = (Subscription("city/#"),)


def session(
    broker: Mosquitto,
    client_id: str = "ours",
    *,
    max_messages: int = 20_000,
    keep_alive_s: int = 30,
) -> Session:
    return Session(
        Address(broker.host, broker.port),
        client_id=client_id,
        subscriptions=CITY,
        max_messages=max_messages,
        keep_alive_s=keep_alive_s,
    )


@asynccontextmanager
async def online(wanted: Session) -> AsyncIterator[Session]:
    async with asyncio.timeout(20), wanted:
        await wanted.connected()
        yield wanted


@contextmanager
def other_end(
    broker: Mosquitto, subscribe: str | None = None
) -> Iterator[tuple[paho.Client, "queue.Queue[paho.MQTTMessage]"]]:
    """Give a connected paho client and what it receives."""
    client = paho.Client(CallbackAPIVersion.VERSION2, "theirs", protocol=paho.MQTTv5)
    received: queue.Queue[paho.MQTTMessage] = queue.Queue()
    subscribed = threading.Event()
    client.on_message = lambda *about: received.put(about[2])
    client.on_subscribe = lambda *_: subscribed.set()
    client.max_inflight_messages_set(0)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        if subscribe is not None:
            client.subscribe(subscribe, qos=1)
            assert subscribed.wait(5)
        yield client, received
    finally:
        client.disconnect()
        client.loop_stop()


async def receive(ours: Session, count: int, *, acknowledge: bool = True) -> list[Message]:
    messages: list[Message] = []
    while len(messages) < count:
        messages += await ours.receive()
        if acknowledge:
            ours.acknowledge(messages)
    return messages


async def until_offline(ours: Session) -> None:
    """Look at every turn of the loop: the next connection may come within a few milliseconds."""
    async with asyncio.timeout(5):
        while ours.is_connected:
            await asyncio.sleep(0)


def numbers(messages: Sequence[Message]) -> list[int]:
    return [int(message.payload) for message in messages]


def break_off(ours: Session) -> None:
    """Lose the connection without a goodbye."""
    assert ours._connection is not None
    assert ours._connection.link._transport is not None
    ours._connection.link._transport.abort()


async def test_messages_of_another_client_arrive_and_are_acknowledged(broker: Mosquitto) -> None:
    async with online(session(broker)) as ours:
        with other_end(broker) as (client, _):
            before = time.time_ns()
            for number in range(500):
                client.publish("city/a", str(number), qos=1)
            client.publish("city/b", b"\x00\xff", qos=0)
            messages = await receive(ours, 501)
        assert [message.topic for message in messages] == ["city/a"] * 500 + ["city/b"]
        assert numbers(messages[:500]) == list(range(500))
        assert messages[500].payload == b"\x00\xff"
        assert before < messages[0].received_ns < time.time_ns()
        assert ours.counters.received == 501
        assert ours.counters.acknowledged == 500


async def test_another_client_receives_what_is_published(broker: Mosquitto) -> None:
    async with online(session(broker)) as ours:
        with other_end(broker, "to/#") as (_, received):
            assert await ours.publish("to/them", b"one", qos=1)
            assert await ours.publish("to/them", b"two", qos=0)
            assert await ours.publish("to/them", "สาม".encode(), qos=1)
            got = [await asyncio.to_thread(received.get, timeout=5) for _ in range(3)]
        assert [bytes(message.payload).decode() for message in got] == ["one", "two", "สาม"]
        assert [message.qos for message in got] == [1, 0, 1]
        assert ours.counters.published == 3


async def test_publish_says_whether_anyone_listens(broker: Mosquitto) -> None:
    async with online(session(broker)) as ours:
        assert await ours.publish("nobody/listens", b"") is False
        assert await ours.publish("city/us", b"") is True


async def test_retained_messages_and_wills_reach_others(broker: Mosquitto) -> None:
    will = Will("city/status", b"offline", retain=True)
    address = Address(broker.host, broker.port)
    async with online(session(broker, "watcher")) as watcher:
        async with online(Session(address, client_id="gateway", will=will)) as gateway:
            await gateway.publish("city/status", b"online", retain=True)
            assert [(message.payload, message.retain) for message in await receive(watcher, 1)] == [(b"online", False)]
            break_off(gateway)
            assert [message.payload for message in await receive(watcher, 1)] == [b"offline"]
            await gateway.connected()
            await gateway.publish("city/status", b"online", retain=True)
            await receive(watcher, 1)
        async with online(session(broker, "late")) as late:
            # The goodbye was a clean one, so the will did not come.
            assert [(message.payload, message.retain) for message in await receive(late, 1)] == [(b"online", True)]


async def test_thousands_of_publishes_at_once_are_all_answered(broker: Mosquitto) -> None:
    async with online(session(broker, max_messages=5000)) as ours:
        await asyncio.gather(*[ours.publish("city/x", str(number).encode()) for number in range(5000)])
        assert numbers(await receive(ours, 5000)) == list(range(5000))


async def test_a_broker_killed_and_restarted_is_found_and_subscribed_again(broker: Mosquitto) -> None:
    async with online(session(broker)) as ours:
        broker.kill()
        await until_offline(ours)
        with pytest.raises(Disconnected):
            await ours.publish("city/x", b"")
        for file in broker.folder.glob("*.db"):
            file.unlink()
        broker.start()
        await ours.connected()
        assert ours.last_error is None
        assert ours.counters.reconnects == 1
        with other_end(broker) as (client, _):
            client.publish("city/x", b"1", qos=1)
            assert numbers(await receive(ours, 1)) == [1]


async def test_each_connection_has_a_number_that_can_be_waited_for(broker: Mosquitto) -> None:
    ours = session(broker)
    with pytest.raises(Disconnected):
        await ours.next_connection(0)
    async with ours:
        first = asyncio.create_task(ours.next_connection(0))
        assert await first == ours.connection == 1
        second = asyncio.create_task(ours.next_connection(1))
        await asyncio.sleep(0.05)
        assert not second.done(), "the first one lasts"
        break_off(ours)
        assert await second == ours.connection == 2
        assert await ours.next_connection(0) == 2, "it has been there already"
        third = asyncio.create_task(ours.next_connection(2))
        await asyncio.sleep(0)
    with pytest.raises(Disconnected):
        await third


async def test_a_publish_cut_off_by_the_brokers_death_is_not_taken_for_delivered(broker: Mosquitto) -> None:
    async with online(session(broker)) as ours:
        broker.freeze()
        publishes = [asyncio.create_task(ours.publish("city/x", b"")) for _ in range(3)]
        await asyncio.sleep(0.01)
        broker.kill()
        results = await asyncio.gather(*publishes, return_exceptions=True)
        assert [type(result) for result in results] == [Disconnected] * 3


async def test_unacknowledged_messages_come_again_after_a_lost_connection(broker: Mosquitto) -> None:
    async with online(session(broker)) as ours, online(session(broker, "feeder")) as feeder:
        for number in range(10):
            await feeder.publish("city/x", str(number).encode())
        first = await receive(ours, 10, acknowledge=False)
        ours.acknowledge(first[:3])
        # The fifth is done, but its acknowledgement has to wait for the fourth.
        ours.acknowledge(first[4:5])
        await ours.publish("elsewhere", b"", qos=1)
        break_off(ours)
        await until_offline(ours)
        await ours.connected()
        again = await receive(ours, 7, acknowledge=False)
        assert numbers(again) == [3, 4, 5, 6, 7, 8, 9]
        assert all(message.duplicate for message in again)
        ours.acknowledge(first)
        assert ours.counters.acknowledged == 3
        assert ours._inbox.messages == 7
        ours.acknowledge(reversed(again))
        assert ours.counters.acknowledged == 10
        assert ours._inbox.messages == 0


async def test_a_reconnect_with_a_full_inbox_waits_for_the_consumer(broker: Mosquitto) -> None:
    async with (
        online(session(broker, max_messages=5, keep_alive_s=1)) as ours,
        online(session(broker, "feeder")) as feeder,
    ):
        for number in range(12):
            await feeder.publish("city/x", str(number).encode())
        held = await receive(ours, 5, acknowledge=False)
        break_off(ours)
        await until_offline(ours)
        # The broker delivers again before it answers SUBSCRIBE, and there is no room: for longer than a keep-alive.
        await asyncio.sleep(1.7)
        assert not ours.is_connected
        assert ours._inbox.messages == 5
        ours.acknowledge(held)
        assert numbers(await receive(ours, 12)) == list(range(12))
        await ours.connected()
        assert ours.counters.reconnects == 1


async def test_messages_that_nobody_has_taken_survive_the_broker_that_forgot_them(broker: Mosquitto) -> None:
    async with online(session(broker)) as ours:
        await asyncio.gather(*[ours.publish("city/x", str(number).encode()) for number in range(10)])
        broker.kill()
        await until_offline(ours)
        for file in broker.folder.glob("*.db"):
            file.unlink()
        broker.start()
        await ours.connected()
        assert numbers(await receive(ours, 10)) == list(range(10))
        assert ours._inbox.messages == 0
        assert ours.counters.acknowledged == 0


async def test_a_session_can_be_opened_again(broker: Mosquitto) -> None:
    ours = session(broker)
    async with online(ours):
        await ours.publish("city/x", b"1")
    assert not ours.is_connected
    async with asyncio.timeout(10), ours:
        assert not ours.is_connected
        await ours.connected()
        assert await ours.publish("city/x", b"2")
        assert {1, 2} == set(numbers(await receive(ours, 2)))


async def test_a_new_session_of_the_same_name_gets_what_the_old_one_had_not_acknowledged(broker: Mosquitto) -> None:
    async with online(session(broker)) as ours, online(session(broker, "feeder")) as feeder:
        for number in range(5):
            await feeder.publish("city/x", str(number).encode())
        messages = await receive(ours, 5, acknowledge=False)
        ours.acknowledge(messages[:2])
    async with online(session(broker)) as ours:
        assert numbers(await receive(ours, 3)) == [2, 3, 4]


@pytest.mark.parametrize("outlives_us", [True, False])
async def test_only_a_session_that_shall_outlive_us_gets_what_came_after_we_left(
    broker: Mosquitto, *, outlives_us: bool
) -> None:
    async with online(session(broker)) as ours:
        if not outlives_us:
            ours.forget()
    with other_end(broker) as (client, _):
        client.publish("city/late", b"", qos=1).wait_for_publish(5)
    async with online(session(broker)) as again:
        assert await again.publish("city/now", b"")
        first = (await receive(again, 1))[0]
    assert first.topic == ("city/late" if outlives_us else "city/now")


async def test_fifty_thousand_messages_never_exceed_a_bound_of_a_thousand(broker: Mosquitto) -> None:
    total, bound = 50_000, 1000
    async with online(session(broker, max_messages=bound)):
        pass
    with other_end(broker) as (client, _):
        published = [client.publish("city/x", str(number), qos=1) for number in range(total)]
        published[-1].wait_for_publish(20)
    async with online(session(broker, max_messages=bound)) as ours:
        seen: set[int] = set()
        most = 0
        while len(seen) < total:
            messages = await ours.receive(200)
            most = max(most, ours._inbox.messages)
            seen.update(numbers(messages))
            ours.acknowledge(messages)
            assert ours._inbox.messages <= bound
        assert seen == set(range(total))
        assert most <= bound
        assert ours.counters.received == total


async def test_qos_0_fills_the_inbox_stops_the_reading_and_drains(broker: Mosquitto) -> None:
    async with (
        online(session(broker, max_messages=100, keep_alive_s=1)) as ours,
        online(Session(Address(broker.host, broker.port), client_id="feeder")) as feeder,
    ):
        for number in range(2000):
            await feeder.publish("city/x", str(number).encode(), qos=0)
        await asyncio.sleep(1.6)
        # More than one keep-alive without reading: the broker is not taken for dead, nor are we.
        assert ours.counters.paused == 1
        assert ours._inbox.messages == 100
        assert ours.is_connected
        assert numbers(await receive(ours, 2000)) == list(range(2000))
        assert ours.counters.reconnects == 0


async def test_a_message_larger_than_the_budget_passes(broker: Mosquitto) -> None:
    address = Address(broker.host, broker.port)
    async with online(Session(address, client_id="x", subscriptions=CITY, max_bytes=1000)) as ours:
        large = bytes(range(256)) * 20_000
        publishes = [asyncio.create_task(ours.publish("city/x", large)) for _ in range(3)]
        for _ in publishes:
            assert [message.payload for message in await receive(ours, 1)] == [large]
        await asyncio.gather(*publishes)


async def test_a_message_larger_than_the_broker_takes_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    with Mosquitto(tmp_path / "small", config_extra="max_packet_size 1000") as broker:
        async with online(session(broker)) as ours:
            # Two of header, eight of topic, two of packet id, one without properties.
            await ours.publish("city/x", bytes(1000 - 1 - 2 - 8 - 2 - 1))
            with pytest.raises(PublishRefused, match="larger"):
                await ours.publish("city/x", bytes(1000 - 1 - 2 - 8 - 2))
            assert ours.counters.reconnects == 0


@pytest.mark.parametrize("topic", ["", "a/+", "a/#", "a\0", "ก" * 30_000])
async def test_a_topic_nobody_can_publish_to_is_refused_before_it_is_sent(broker: Mosquitto, topic: str) -> None:
    async with online(session(broker)) as ours:
        with pytest.raises(PublishRefused):
            await ours.publish(topic, b"")
        assert await ours.publish("city/x", b"")


async def test_leaving_is_clean_and_quick(broker: Mosquitto) -> None:
    async with online(session(broker, "a clean one")) as ours:
        waiting = asyncio.create_task(ours.receive())
        await asyncio.sleep(0)
        began = time.monotonic()
    assert time.monotonic() - began < 1
    with pytest.raises(Disconnected):
        await waiting
    with pytest.raises(Disconnected):
        await ours.publish("city/x", b"")
    assert not ours.is_connected
    assert not [task for task in asyncio.all_tasks() if "connection" in task.get_name()]
    async with asyncio.timeout(10):  # the broker writes its log when it comes to it
        while "a clean one disconnected." not in broker.log.read_text():
            await asyncio.sleep(0.01)
    assert "a clean one closed" not in broker.log.read_text()


async def test_leaving_does_not_wait_for_a_broker_that_is_frozen(broker: Mosquitto) -> None:
    async with online(session(broker)):
        broker.freeze()
        began = time.monotonic()
    assert time.monotonic() - began < 1
    broker.thaw()


async def test_entering_does_not_wait_for_a_broker_that_is_not_there() -> None:
    async with Session(Address("127.0.0.1", 1), client_id="early", name="nowhere") as ours:
        assert not ours.is_connected
        with pytest.raises(Disconnected):
            await ours.publish("city/x", b"")
        for _ in range(1000):
            if ours.last_error is not None:
                break
            await asyncio.sleep(0.005)
        assert ours.last_error is not None
        assert any(task.get_name() == "nowhere connection" for task in asyncio.all_tasks())


def test_it_runs_on_uvloop(broker: Mosquitto) -> None:
    async def round_trip() -> None:
        async with online(session(broker, max_messages=50)) as ours:
            await asyncio.gather(*[ours.publish("city/x", b"1", qos=0) for _ in range(500)])
            await receive(ours, 500)
            break_off(ours)
            await until_offline(ours)
            await ours.connected()
            assert await ours.publish("city/x", b"2")
            assert numbers(await receive(ours, 1)) == [2]

    uvloop.run(round_trip())

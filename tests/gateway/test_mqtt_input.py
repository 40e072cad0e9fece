"""The MQTT link: foreign topics, acknowledged when the spool has them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion
from rig import until
from stand_ins import context

from city.errors import ConfigurationError, SpoolFull
from city.mqtt import Address, Message
from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.inputs.copies import Copies
from gateway.inputs.input import InputCounters
from gateway.inputs.mqtt import MqttInput, MqttTable, refuse_overlaps
from gateway.inputs.routes import TopicTable, overlap
from gateway.naming import Decoding
from support.mosquitto import Mosquitto

TOPICS = (
    TopicTable(filter="plant/{kind}/{device}/up", decoder="native"),
    TopicTable(filter="senml/#", decoder="senml", parameters={"kind": "weather"}),
)
LEVELS = st.sampled_from(["a", "b", ""])
FILTERS = st.builds(
    lambda levels, rest: "/".join([*levels, *rest]),
    st.lists(st.one_of(LEVELS, st.just("+")), min_size=1, max_size=3),
    st.sampled_from([[], ["#"]]),
)
GOOD = b'{"ts": 1764900000000, "values": {"level": 181.2}}'


class Spool:
    """Takes custody, or is full."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.undecoded: list[Undecoded] = []
        self.full = False
        self.refused = 0

    async def accept(self, readings: list[Reading], undecoded: list[Undecoded]) -> None:
        if self.full:
            self.refused += 1
            raise SpoolFull("full")
        self.readings += readings
        self.undecoded += undecoded


@pytest.fixture
def device(broker: Mosquitto) -> Iterator[paho.Client]:
    client = paho.Client(CallbackAPIVersion.VERSION2, "a-device")
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


@asynccontextmanager
async def linked(
    broker: Mosquitto, spool: Spool, topics: tuple[TopicTable, ...] = TOPICS, folder: Path = Path("/nowhere")
) -> AsyncIterator[InputCounters]:
    counters, address = InputCounters("mqtt"), Address("127.0.0.1", broker.port)
    given = context(spool, counters=counters, broker=address, spool=folder / "gateway.spool")
    link = MqttInput(MqttTable(topics=topics), given)
    task = asyncio.create_task(link.run())
    try:
        yield counters
    finally:
        task.cancel()
        await asyncio.wait((task,))


def publish(device: paho.Client, topic: str, payload: bytes) -> None:
    device.publish(topic, payload, qos=1).wait_for_publish(5)


async def test_levels_name_device_and_kind(broker: Mosquitto, device: paho.Client) -> None:
    spool = Spool()
    async with linked(broker, spool):
        await asyncio.sleep(0.3)
        publish(device, "plant/water_level/Lam_Takhong/up", GOOD)
        publish(device, "senml/x", json.dumps([{"n": "urn:dev:ow:1", "u": "Cel", "v": 20}]).encode())
        await until(lambda: len(spool.readings) == 2)
    assert (spool.readings[0].device, spool.readings[0].kind) == ("lam_takhong-x1df45752030e", "water_level")
    assert (spool.readings[1].device, spool.readings[1].kind) == ("urn-dev-ow-1", "weather")


async def test_garbage_keeps_its_topic_and_can_be_decoded_again(broker: Mosquitto, device: paho.Client) -> None:
    spool = Spool()
    async with linked(broker, spool):
        await asyncio.sleep(0.3)
        publish(device, "plant/water_level/a b&c/up", b"garbage")
        publish(device, "senml/" + "x" * 300, bytes(2 * 2**20))
        await until(lambda: len(spool.undecoded) == 2)
    small, large = spool.undecoded
    assert (small.payload, small.reason) == (b"garbage", "malformed_json")
    made = "a-b-c-x238075ab3b20"
    assert small.origin == f"mqtt:native?kind=water_level&device={made}&topic=plant%2Fwater_level%2Fa+b%26c%2Fup"
    assert Decoding().decode_again(small.origin, GOOD, 1)[0][0].device == made
    assert (len(large.payload), large.reason) == (2 * 2**20, "too_large")


async def test_what_the_broker_kept_is_no_news_at_each_connection(broker: Mosquitto, device: paho.Client) -> None:
    undated, dated = b'[{"values": {"level": 1}}, {"values": {"level": 2}}]', GOOD
    for name, payload in (("a", undated), ("b", dated)):
        device.publish(f"plant/water_level/{name}/up", payload, qos=1, retain=True).wait_for_publish(5)
    spool = Spool()
    for times in (1, 2):
        async with linked(broker, spool) as counters:
            await until(lambda times=times: len(spool.readings) == times and bool(counters.failed))
        assert dict(counters.failed) == {"retained_without_time": 1}
    assert {reading.device for reading in spool.readings} == {"b"}
    async with linked(broker, spool):
        await asyncio.sleep(0.3)
        device.publish("plant/water_level/a/up", undated, qos=1, retain=True).wait_for_publish(5)
        await until(lambda: spool.readings[-1].device == "a")


async def test_a_route_that_is_gone_is_taken_back(broker: Mosquitto, device: paho.Client, tmp_path: Path) -> None:
    memory = tmp_path / "gateway.spool.topics"
    async with linked(broker, Spool(), TOPICS, tmp_path):
        await until(memory.exists)
    spool = Spool()
    async with linked(broker, spool, TOPICS[:1], tmp_path):
        await until(lambda: "senml" not in memory.read_text())
        publish(device, "senml/x", b"[]")
        publish(device, "plant/water_level/a/up", GOOD)
        await until(lambda: len(spool.readings) == 1)
    assert spool.undecoded == []


async def test_a_full_spool_leaves_the_messages_with_the_broker(broker: Mosquitto, device: paho.Client) -> None:
    spool = Spool()
    spool.full = True
    async with linked(broker, spool):
        await asyncio.sleep(0.3)
        for _ in range(3):
            publish(device, "plant/water_level/a/up", GOOD)
        await until(lambda: spool.refused >= 2)
    assert spool.readings == []
    second = Spool()
    async with linked(broker, second):
        await until(lambda: len(second.readings) == 3)


async def test_a_full_spool_that_has_room_again_gets_them(broker: Mosquitto, device: paho.Client) -> None:
    spool = Spool()
    spool.full = True
    async with linked(broker, spool):
        await asyncio.sleep(0.3)
        publish(device, "plant/water_level/a/up", GOOD)
        await until(lambda: spool.refused >= 1)
        spool.full = False
        await until(lambda: len(spool.readings) == 1)
        await asyncio.sleep(0.1)
    second = Spool()
    async with linked(broker, second):
        await asyncio.sleep(0.3)
    assert second.readings == [], "it was acknowledged"


@pytest.mark.parametrize(
    "topic_filter",
    [
        "#",
        "city/#",
        "+/+/gateway/#",
        "+/+/+/+/{device}",
        "city/th-30/gateway/gw-1/pack",
        "city/th-30/smart_city/#",
        "$share/g/#",
    ],
)
@pytest.mark.parametrize("url", ["", "mqtt://reader:x@127.0.0.1:1883"])
async def test_a_filter_that_covers_the_city_s_own_topics_is_refused(topic_filter: str, url: str) -> None:
    given = context(
        Spool(), counters=InputCounters("plant"), broker=Address("127.0.0.1", 1883), spool=Path("/nowhere/s")
    )
    table = MqttTable(url=url, topics=(TopicTable(filter=topic_filter, decoder="native"),))
    with pytest.raises(ConfigurationError, match=r"of the input 'plant' covers topics of the city's own broker"):
        await MqttInput(table, given).open()
    elsewhere = MqttTable(url="mqtt://127.0.0.1:1884", topics=table.topics)
    await MqttInput(elsewhere, given).open()


@pytest.mark.parametrize(
    "topic_filter", ["plant/#", "+/status", "city/other", "+/+/up", "application/+/device/+/event/up"]
)
async def test_other_filters_are_taken_on_the_city_s_broker(topic_filter: str) -> None:
    given = context(
        Spool(), counters=InputCounters("plant"), broker=Address("127.0.0.1", 1883), spool=Path("/nowhere/s")
    )
    await MqttInput(MqttTable(topics=(TopicTable(filter=topic_filter, decoder="native"),)), given).open()


async def test_packs_of_gateways_are_taken_from_no_broker(broker: Mosquitto, device: paho.Client) -> None:
    spool = Spool()
    async with linked(broker, spool, (TopicTable(filter="#", decoder="native"),)) as counters:
        await asyncio.sleep(0.3)
        for leaf in ("pack", "status", "receipt"):
            publish(device, f"city/th-30/gateway/gw-9/{leaf}", GOOD)
        publish(device, "plant/a", GOOD)
        await until(lambda: bool(spool.readings or spool.undecoded))
    assert counters.failed["gateway_topic"] == 3
    assert len(spool.readings) + len(spool.undecoded) == 1


async def test_a_message_that_two_filters_match_comes_once(broker: Mosquitto, device: paho.Client) -> None:
    topics = (
        TopicTable(filter="plant/water_level/{device}/up", decoder="native", parameters={"kind": "water_level"}),
        TopicTable(filter="plant/#", decoder="senml"),
        TopicTable(filter="plant/+/+/up", decoder="senml"),
    )
    spool = Spool()
    async with linked(broker, spool, topics):
        await asyncio.sleep(0.3)
        publish(device, "plant/water_level/a/up", GOOD)
        publish(device, "plant/water_level/b/up", GOOD)
        await until(lambda: {each.device for each in spool.readings} == {"a", "b"})
        await asyncio.sleep(0.2)
    assert (len(spool.readings), spool.undecoded) == (2, [])


@pytest.mark.parametrize("merges", [False, True])
async def test_a_message_that_filters_match_in_part_comes_once_by_the_first_line(
    broker: Mosquitto, device: paho.Client, monkeypatch: pytest.MonkeyPatch, *, merges: bool
) -> None:
    """Mosquitto sends a copy for each; a broker may also send one for all."""
    topics = (
        TopicTable(filter="plant/water_level/+/up", decoder="native", parameters={"kind": "water_level"}),
        TopicTable(filter="plant/+/a/up", decoder="senml"),
        TopicTable(filter="+/water_level/{device}/#", decoder="native", parameters={"kind": "water_level"}),
    )
    if merges:
        monkeypatch.setattr(Copies, "is_further", _as_merged(Copies.is_further))
    spool = Spool()
    async with linked(broker, spool, topics):
        await asyncio.sleep(0.3)
        for level in range(20):
            payload = json.dumps({"device": "a", "ts": 1764900000000 + level, "values": {"level": level}}).encode()
            publish(device, "plant/water_level/a/up", payload)
            publish(device, "tank/water_level/b/up", payload)
        await until(lambda: len(spool.readings) >= 40)
        await asyncio.sleep(0.2)
    assert (len(spool.readings), spool.undecoded) == (40, [])


def _as_merged(really: Callable[[Copies, Message], bool]) -> Callable[[Copies, Message], bool]:
    """Make the first copy of a message the one for all filters, and leave out the others."""
    seen: set[tuple[str, bytes]] = set()

    def is_further(copies: Copies, message: Message) -> bool:
        key = (message.topic, message.payload)
        if key in seen:
            return True
        seen.add(key)
        message.subscription_ids = [
            each.id or 0 for each in copies.subscriptions() if message.topic in _TAKES[each.pattern]
        ]
        return really(copies, message)

    return is_further


_A, _B = "plant/water_level/a/up", "tank/water_level/b/up"
_TAKES = {"plant/water_level/+/up": [_A], "plant/+/a/up": [_A], "+/water_level/+/#": [_A, _B]}


async def test_what_was_queued_for_other_filters_is_taken(
    broker: Mosquitto, device: paho.Client, tmp_path: Path
) -> None:
    """Only a later filter stood then, so its copy is the only one."""
    later = TopicTable(filter="plant/water_level/{device}/up", decoder="native", parameters={"kind": "water_level"})
    earlier = TopicTable(filter="plant/+/a/up", decoder="native", parameters={"kind": "water_level"})
    spool = Spool()
    async with linked(broker, spool, (later,), tmp_path):
        await asyncio.sleep(0.3)
    publish(device, "plant/water_level/a/up", b'{"device": "a", "ts": 1764900000000, "values": {"level": 1}}')
    async with linked(broker, spool, (earlier, later), tmp_path):
        await until(lambda: bool(spool.readings))
        publish(device, "plant/water_level/a/up", b'{"device": "a", "ts": 1764900000001, "values": {"level": 2}}')
        await until(lambda: len(spool.readings) > 1)
        await asyncio.sleep(0.2)
    assert sorted(each.values["level"] for each in spool.readings) == [1, 2]


@given(st.lists(FILTERS, min_size=1, max_size=5, unique=True), st.lists(LEVELS, min_size=1, max_size=4))
def test_of_all_copies_one_is_taken(filters: list[str], levels: list[str]) -> None:
    topic = "/".join(levels)
    copies = Copies(filters)
    came = [each for each in copies.subscriptions() if overlap(each.pattern, topic)]
    alone = [Message(topic, b"", 1, subscription_ids=[each.id or 0]) for each in came]
    assert sum(not copies.is_further(message) for message in alone) == bool(came)
    merged = Message(topic, b"", 1, subscription_ids=[each.id or 0 for each in came])
    assert not copies.is_further(merged)
    assert not copies.is_further(Message(topic, b"", 1)), "a broker that takes no ids"
    assert not copies.is_further(Message(topic, b"", 1, subscription_ids=[1])), "of another set"


def test_what_begins_with_a_dollar_comes_by_its_own_filter_alone() -> None:
    copies = Copies(["#", "+/a", "$x/#"])
    last = copies.subscriptions()[-1].id or 0
    assert not copies.is_further(Message("$x/a", b"", 1, subscription_ids=[last]))


@pytest.mark.parametrize(("url", "refused"), [("", True), ("mqtt://x@127.0.0.1:1883", True), ("mqtt://other", False)])
def test_two_tables_on_one_broker_take_no_message_twice(url: str, *, refused: bool) -> None:
    one = MqttTable(name="mqtt", topics=(TopicTable(filter="plant/+/up", decoder="native"),))
    two = MqttTable(name="two", url=url, topics=(TopicTable(filter="plant/{device}/#", decoder="native"),))
    apart = MqttTable(name="three", topics=(TopicTable(filter="tank/#", decoder="native"),))
    city = Address("127.0.0.1", 1883)
    refuse_overlaps([one, apart], city)
    if refused:
        with pytest.raises(ConfigurationError, match=r"'mqtt' and 'two' .* 'plant/\+/up' and 'plant/\+/#'"):
            refuse_overlaps([one, two, apart], city)
    else:
        refuse_overlaps([one, two, apart], city)

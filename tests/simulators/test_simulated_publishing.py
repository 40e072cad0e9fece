"""The simulated city publishes to a real broker what an independent subscriber can read."""

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from city import topics
from city.batch import concat
from city.catalog import NAMED_KINDS
from city.errors import ConfigurationError
from city.mqtt.address import Address
from city.reading import Reading
from city.wire import direct
from simulators.publish import due, intervals, publish, run
from simulators.settings import SimulatorSettings
from simulators.world import World
from support.mosquitto import Mosquitto

_NS = 10**9


class Heard:
    """What a subscriber of its own heard."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.subscribed = threading.Event()

    def on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        found = topics.parse(message.topic)
        assert isinstance(found, topics.Direct)
        assert message.qos == 1
        self.readings += direct.decode(message.payload, kind=found.kind, device=found.device, received_ns=0)

    def wait(self, count: int, within: float = 15.0) -> None:
        deadline = time.monotonic() + within
        while len(self.readings) < count:
            assert time.monotonic() < deadline, f"only {len(self.readings)} readings came"
            time.sleep(0.02)


@contextmanager
def _listening(broker: Mosquitto) -> Iterator[Heard]:
    heard = Heard()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False)
    client.on_message = heard.on_message
    client.on_connect = lambda client, *_: client.subscribe("city/#", qos=1)
    client.on_subscribe = lambda *_: heard.subscribed.set()
    client.reconnect_delay_set(1, 1)
    client.connect(broker.host, broker.port)
    client.loop_start()
    try:
        assert heard.subscribed.wait(10)
        yield heard
    finally:
        client.disconnect()
        client.loop_stop()


def _address(broker: Mosquitto) -> Address:
    return Address(broker.host, broker.port)


async def test_a_subscriber_hears_every_kind_as_the_world_computes_it(broker: Mosquitto) -> None:
    settings = SimulatorSettings(seed=5, devices=60, slowest_s=1.0)
    stop = asyncio.Event()
    with _listening(broker) as heard:
        work = asyncio.create_task(run(settings, province="th-30", address=_address(broker), stop=stop))
        await asyncio.to_thread(heard.wait, 150)
        stop.set()
        begun = time.monotonic()
        report = await work
        assert time.monotonic() - begun < 1
        heard.wait(report.confirmed)
    assert report.sent == report.confirmed == len(heard.readings)
    world = World("th-30", 5, 60, interval_s=intervals(settings))
    assert {reading.kind for reading in heard.readings} == set(NAMED_KINDS)
    for reading in heard.readings[::7]:
        assert world.readings(reading.time_ns, [reading.device]) == [reading]


async def test_what_a_broker_missed_is_sent_when_it_is_back(broker: Mosquitto) -> None:
    settings = SimulatorSettings(seed=5, devices=20, slowest_s=0.5)
    stop = asyncio.Event()
    with _listening(broker) as heard:
        work = asyncio.create_task(run(settings, province="th-30", address=_address(broker), stop=stop))
        await asyncio.to_thread(heard.wait, 40)
        await asyncio.to_thread(broker.stop)
        await asyncio.sleep(1.5)
        await asyncio.to_thread(broker.start)
        await asyncio.to_thread(heard.wait, len(heard.readings) + 150)
        stop.set()
        report = await work
        heard.wait(report.confirmed)
    times = defaultdict(set)
    for reading in heard.readings:
        times[reading.device].add(reading.time_ns)
    assert len(times) == 20
    for device, seen in times.items():
        steps = {b - a for a, b in zip(sorted(seen), sorted(seen)[1:], strict=False)}
        assert steps == {_NS // 2}, device


async def test_it_ends_within_a_second_without_a_broker() -> None:
    stop = asyncio.Event()
    work = asyncio.create_task(
        run(SimulatorSettings(devices=20), province="th-30", address=Address("127.0.0.1", 9), stop=stop)
    )
    await asyncio.sleep(0.7)
    begun = time.monotonic()
    stop.set()
    report = await work
    assert time.monotonic() - begun < 1
    assert report.sent == 0


async def test_a_cancelled_run_ends_its_thread(broker: Mosquitto) -> None:
    work = asyncio.create_task(
        run(SimulatorSettings(devices=20), province="th-30", address=_address(broker), stop=asyncio.Event())
    )
    await asyncio.sleep(0.5)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    deadline = time.monotonic() + 2
    while any(thread.name.startswith("paho") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def test_a_broker_that_turns_us_away_ends_the_run_with_a_sentence(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("closed")
    with (
        Mosquitto(folder, config_extra="allow_anonymous false") as closed,
        pytest.raises(ConfigurationError, match="refuses the connection"),
    ):
        publish(SimulatorSettings(devices=20), province="th-30", address=_address(closed), stop=threading.Event())


def test_each_device_keeps_its_grid_whatever_the_window() -> None:
    settings = SimulatorSettings(seed=5, devices=40, slowest_s=3.0, pace=2.0)
    world = World("th-30", 5, 40, interval_s=intervals(settings))
    start = 1_764_900_000 * _NS
    for kind in world.kinds:
        whole = due(world, kind, start, start + 12 * _NS)
        parts = [due(world, kind, start + part * _NS, start + (part + 1) * _NS) for part in range(12)]
        assert whole is not None
        joined = concat([part for part in parts if part is not None])
        key = lambda reading: (reading.device, reading.time_ns)  # noqa: E731 - one line says it
        assert sorted(joined.readings(), key=key) == sorted(whole.readings(), key=key)
        assert len(whole) == len(world.ids(kind)) * 12 / world.interval_s[kind]


def test_the_default_demo_is_lively_and_not_too_much() -> None:
    settings = SimulatorSettings()
    world = World("th-30", settings.seed, settings.devices, interval_s=intervals(settings))
    rate = sum(len(world.ids(kind)) / world.interval_s[kind] for kind in world.kinds)
    assert 60 <= rate <= 100

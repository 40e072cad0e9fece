"""Sparkplug B: recorded payloads, the memory of edge nodes, and a rebirth asked for over a real broker."""

import asyncio
import base64
import json
from itertools import pairwise
from pathlib import Path
from typing import Final

import paho.mqtt.client as paho
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion
from rig import until
from stand_ins import FakeSpool, context

from city.errors import Malformed
from city.mqtt import Address
from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.decoders import DECODERS, Context, Origin
from gateway.decoders.fields import checksum
from gateway.decoders.sparkplug import metrics
from gateway.decoders.sparkplug.node import Sessions
from gateway.decoders.sparkplug.payload import read, rebirth_request
from gateway.inputs.mqtt import MqttInput, MqttTable
from gateway.inputs.routes import TopicTable
from gateway.naming import Decoding
from support.cases import readings_by
from support.mosquitto import Mosquitto
from support.sparkplug import field, metric, payload

decode = readings_by("sparkplug")

NOW: Final = 1_764_900_000 * 10**9
SECOND: Final = 10**9
DOUBLE, FLOAT, INT32 = 10, 9, 3
BIRTH: Final = payload(
    0,
    metric("bdSeq", datatype=8, value=field(11, 5)),
    metric("Temperature", 1, DOUBLE, field(13, 77.0), unit="°F"),
    metric("Offset", 2, INT32, field(10, 2**32 - 5)),
)
DATA: Final = metric(alias=1, value=field(13, 78.8))
UNNAMED: Final = ([], "undecoded")


class Link:
    """What a link does with each message, without the link."""

    def __init__(self) -> None:
        self.sessions = Sessions()
        self.asked: list[str] = []

    def hear(self, kind: str, data: bytes, *, device: str = "", at_ns: int = NOW) -> tuple[list[dict[str, float]], str]:
        """Give the values, and the reason why there are none."""
        topic = f"spBv1.0/g/{kind}/n{device and '/' + device}"
        completed = self.sessions.complete(Origin("mqtt", "sparkplug", {"topic": topic}), data, at_ns)
        if completed.request is not None:
            self.asked.append(completed.request[0])
        readings, undecoded = Decoding().decode(completed.origin, completed.payload, at_ns)
        return [reading.values for reading in readings], undecoded[0].reason if undecoded else ""


def test_recorded_payloads(shared_data: Path) -> None:
    vectors = json.loads((shared_data / "payloads/sparkplug_b_umh_vectors.json").read_text())["vectors"]
    for vector in vectors:
        message, wanted = read(base64.b64decode(vector["base64"])), vector["decoded"]
        assert (message.timestamp, message.seq) == (wanted["timestamp"], wanted["seq"])
        assert len(message.metrics) == vector["upstream_metric_count"] == len(wanted["metrics"])
        for got, expected in zip(message.metrics, wanted["metrics"], strict=True):
            (value,) = (value for name, value in expected.items() if name.endswith("_value"))
            assert (got.name, got.alias, got.datatype) == (
                expected.get("name", ""),
                expected.get("alias"),
                expected["datatype"],
            )
            assert got.measured(got.datatype) == value
    told: dict[str, list[dict[str, float]]] = {}
    link = Link()
    for vector in vectors[:3]:
        told[vector["name"]], reason = link.hear(vector["message_type"], base64.b64decode(vector["base64"]))
        assert reason == ""
    assert told == {"NBIRTH_V1": [{"temperature": 21.5}], "NDATA_V1": [{"temperature": 22.5}], "NDEATH_V1": []}
    stranger = Link()
    assert stranger.hear("NDATA", base64.b64decode(vectors[3]["base64"])) == UNNAMED
    assert stranger.asked == ["spBv1.0/g/NCMD/n"]
    print(f"Sparkplug B: {len(vectors)} passed, 0 failed, 0 unsupported")  # noqa: T201


def test_data_by_alias_means_what_the_birth_said() -> None:
    link = Link()
    assert link.hear("NBIRTH", BIRTH) == ([{"temperature": pytest.approx(25), "offset": -5}], "")
    assert link.hear("NDATA", payload(1, DATA)) == ([{"temperature": pytest.approx(26)}], "")
    assert link.hear("NDATA", payload(2, metric("Offset", value=field(10, 2**32 - 9)))) == ([{"offset": -9}], "")
    assert link.asked == []


def test_completed_data_can_be_decoded_at_any_later_time() -> None:
    sessions = Sessions()
    sessions.complete(Origin("mqtt", "sparkplug", {"topic": "spBv1.0/g/NBIRTH/n"}), BIRTH, NOW)
    origin = Origin("mqtt", "sparkplug", {"topic": "spBv1.0/g/NDATA/n"})
    completed = sessions.complete(origin, payload(1, DATA), NOW)
    readings, undecoded = Decoding().decode(completed.origin, completed.payload, NOW)
    assert undecoded == []
    assert readings == [Reading("sparkplug-g.n", "weather", NOW, {"temperature": pytest.approx(26)})]  # type: ignore[dict-item]


def test_data_before_any_birth_is_kept_and_the_birth_asked_for_once_in_a_while() -> None:
    link = Link()
    for number in range(5):
        assert link.hear("NDATA", payload(number, DATA), at_ns=NOW + number * SECOND) == UNNAMED
    assert link.hear("NDATA", payload(5, DATA), at_ns=NOW + 11 * SECOND) == UNNAMED
    assert link.asked == ["spBv1.0/g/NCMD/n"] * 2
    named = payload(6, metric("Temperature", None, DOUBLE, field(13, 20.0)))
    assert link.hear("NDATA", named, at_ns=NOW + 12 * SECOND) == ([{"temperature": 20.0}], "")


def test_after_a_gap_no_alias_is_trusted_until_the_next_birth() -> None:
    link = Link()
    link.hear("NBIRTH", BIRTH)
    assert link.hear("NDATA", payload(1, DATA))[1] == ""
    assert link.hear("NDATA", payload(1, DATA))[1] == ""  # the same once more
    assert link.hear("NDATA", payload(3, DATA)) == UNNAMED
    assert link.hear("NDATA", payload(4, DATA)) == UNNAMED
    assert link.asked == ["spBv1.0/g/NCMD/n"]
    link.hear("NBIRTH", BIRTH)
    assert link.hear("NDATA", payload(1, DATA))[1] == ""


def test_a_node_whose_birth_cannot_be_read_is_asked_less_and_less_often() -> None:
    link = Link()
    too_much = payload(0, *(metric(f"m{number}", number, DOUBLE, field(13, 1.0)) for number in range(5_001)))
    asked_s: list[int] = []
    for second in range(0, 6 * 3600, 5):
        known = len(link.asked)
        assert link.hear("NDATA", payload(1, DATA), at_ns=NOW + second * SECOND) == UNNAMED
        if len(link.asked) > known:
            asked_s.append(second)
            link.hear("NBIRTH", too_much, at_ns=NOW + second * SECOND)
    waits = [later - earlier for earlier, later in pairwise(asked_s)]
    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600, 3600]


def test_a_node_that_was_well_is_asked_at_once() -> None:
    link = Link()
    for gap in range(9):
        link.hear("NBIRTH", BIRTH, at_ns=NOW + gap * 900 * SECOND)
        assert link.hear("NDATA", payload(7, DATA), at_ns=NOW + gap * 900 * SECOND) == UNNAMED
    assert len(link.asked) == 9


def test_a_birth_that_cannot_be_read_ends_the_one_before() -> None:
    link = Link()
    link.hear("NBIRTH", BIRTH)
    link.hear("NBIRTH", b"\x12")
    assert link.hear("NDATA", payload(1, DATA)) == UNNAMED
    assert link.asked == ["spBv1.0/g/NCMD/n"]


def test_an_alias_that_the_birth_lacks_is_asked_for() -> None:
    link = Link()
    link.hear("NBIRTH", BIRTH)
    readings, reason = link.hear("NDATA", payload(1, DATA, metric(alias=7, value=field(13, 1.0))))
    assert ([*readings], reason) == ([{"temperature": 26.0}], "undecoded"), "what the birth has is read"
    assert link.asked == ["spBv1.0/g/NCMD/n"]
    assert link.hear("NDATA", payload(2, DATA))[1] == ""


def test_a_link_that_was_away_trusts_no_alias() -> None:
    link = Link()
    link.hear("NBIRTH", BIRTH)
    link.sessions.forget()
    assert link.hear("NDATA", payload(1, DATA)) == UNNAMED
    assert link.asked == ["spBv1.0/g/NCMD/n"]
    link.hear("NBIRTH", BIRTH)
    assert link.hear("NDATA", payload(1, DATA))[1] == ""


def test_the_births_of_a_node_are_bounded() -> None:
    link = Link()
    link.hear("NBIRTH", BIRTH)
    value = payload(0, metric("Humidity", 1, FLOAT, field(12, 61.5, single=True)))
    for number in range(2_100):
        assert link.hear("DBIRTH", value, device=f"d{number}")[1] == ""
    (node,) = link.sessions._nodes.values()
    assert len(node.births) == 2_000
    assert link.asked == ["spBv1.0/g/NCMD/n"]


def test_long_names_are_not_kept() -> None:
    metrics._known.cache_clear()
    link = Link()
    long = payload(0, metric("Long" * 100, 1, DOUBLE, field(13, 1.0)), metric("A", 2, DOUBLE, field(13, 1.0)))
    assert link.hear("NBIRTH", long)[1] == ""
    assert metrics._known.cache_info().currsize == 1


def test_the_sequence_begins_again_after_255() -> None:
    link = Link()
    link.hear("NBIRTH", BIRTH)
    assert {link.hear("NDATA", payload(number % 256, DATA))[1] for number in range(1, 600)} == {""}
    assert link.asked == []


def test_devices_have_births_of_their_own() -> None:
    link = Link()
    link.hear("NBIRTH", BIRTH)
    assert link.hear("DDATA", payload(1, DATA), device="d") == UNNAMED
    assert link.hear("NDATA", payload(2, DATA))[1] == ""
    birth = payload(3, metric("Humidity", 1, FLOAT, field(12, 61.5, single=True)))
    assert link.hear("DBIRTH", birth, device="d") == ([{"humidity": 61.5}], "")
    value = metric(alias=1, value=field(12, 62.5, single=True))
    assert link.hear("DDATA", payload(4, value), device="d") == ([{"humidity": 62.5}], "")
    assert link.hear("DDEATH", payload(5), device="d") == ([], "")
    assert link.hear("DDATA", payload(6, value), device="d") == UNNAMED
    link.hear("NBIRTH", BIRTH)
    assert link.hear("DDATA", payload(1, value), device="d") == UNNAMED


def test_a_late_death_of_an_earlier_connection_is_no_death() -> None:
    link = Link()
    link.hear("NBIRTH", BIRTH)
    link.hear("NDEATH", payload(None, metric("bdSeq", datatype=8, value=field(11, 4))))
    assert link.hear("NDATA", payload(1, DATA))[1] == ""
    link.hear("NDEATH", payload(None, metric("bdSeq", datatype=8, value=field(11, 5))))
    assert link.hear("NDATA", payload(2, DATA)) == UNNAMED


def test_a_unit_that_measures_something_else_keeps_the_value_apart() -> None:
    level = payload(0, metric("Level", 1, DOUBLE, field(13, 42.0), unit="%"), metric("Flow", 2, DOUBLE, field(13, 1.0)))
    assert Link().hear("NBIRTH", level) == ([{"level_raw": 42.0, "flow": 1.0}], "")


@pytest.mark.parametrize("names", [("lat", "lon"), ("Latitude", "Longitude"), ("Lat", "Lng")])
def test_a_position_under_short_and_long_names(names: tuple[str, str]) -> None:
    place = payload(
        0, *(metric(name, None, DOUBLE, field(13, value)) for name, value in zip(names, (14.9, 102.1), strict=True))
    )
    (reading,) = decode(place, Context(NOW, parameters={"topic": "spBv1.0/g/NBIRTH/n"}))
    assert (reading.values, reading.lat, reading.lon) == ({"position_fix": 1.0}, 14.9, 102.1)


def test_a_position_of_0_0_is_none_and_the_rest_stays() -> None:
    metrics = [
        metric(name, None, DOUBLE, field(13, value)) for name, value in (("Lat", 0.0), ("Lng", 0.0), ("Speed", 3.0))
    ]
    (reading,) = decode(payload(0, *metrics), Context(NOW, parameters={"topic": "spBv1.0/g/NBIRTH/n"}))
    assert (reading.values, reading.lat, reading.lon) == ({"speed": 3.0}, None, None)


def test_levels_that_look_alike_when_joined_are_devices_of_their_own() -> None:
    topics = ["a-b/NDATA/c", "a/NDATA/b-c", "a/DDATA/b/c", "a.b/NDATA/c", "a/NDATA/b.c", "a/NDATA/b"]
    value = payload(0, metric("Temperature", None, DOUBLE, field(13, 20.0)))
    readings = [decode(value, Context(NOW, parameters={"topic": f"spBv1.0/{topic}"})) for topic in topics]
    devices = [reading.device for (reading,) in readings]
    assert devices[:3] == ["sparkplug-a-b.c", "sparkplug-a.b-c", "sparkplug-a.b.c"]
    assert devices[3] == "sparkplug-a.b.c-xe7405485c25f"
    assert len(set(devices)) == len(topics)


def test_metrics_that_measure_in_forms_that_nothing_reads_are_told_and_commands_are_named() -> None:
    message = payload(
        0,
        metric("Temperature", None, DOUBLE, field(13, 20.0)),
        metric("Level", None, 12, field(15, b"4.5")),
        metric("Serial", None, 12, field(15, b"SN-7")),
        metric("Series", None, 16, field(17, b"")),
        metric("Floats", None, 30, field(16, bytes(8))),
        metric("Properties/Runtime", None, DOUBLE, field(13, 7.0)),
        metric("Node Control/Rebirth", None, 11, field(14, 0)),
    )
    decoded = DECODERS["sparkplug"](message, Context(NOW, parameters={"topic": "spBv1.0/g/NBIRTH/n"}))
    assert decoded.rest.unread == ["Level", "Series", "Floats"]
    (reading,) = decoded.readings
    assert reading.values == {"temperature": 20.0, "properties_runtime": 7.0}


def test_half_of_a_position_is_an_ordinary_value() -> None:
    half = payload(0, metric("Latitude", None, DOUBLE, field(13, 14.9)))
    assert Link().hear("NBIRTH", half) == ([{"latitude": 14.9}], "")


def test_nulls_texts_and_times_are_no_measurement() -> None:
    birth = payload(
        0,
        metric("A", 1, DOUBLE, field(7, 1) + field(13, 1.0)),
        metric("B", 2, 12, field(15, "text")),
        metric("C", 3, 13, field(11, 1_764_900_000_000)),
        metric("D", 4, DOUBLE, field(13, float("nan"))),
    )
    assert Link().hear("NBIRTH", birth) == ([], "")


def test_the_request_is_a_payload_itself() -> None:
    (asked,) = read(rebirth_request(1_764_900_000_000)).metrics
    assert (asked.name, asked.datatype, asked.value) == ("Node Control/Rebirth", 11, 1.0)


@pytest.mark.parametrize(
    "data",
    [
        b"\x12",
        b"\x12\xff\xff\xff\xff\x0f",
        b"\x08" + b"\xff" * 11,
        b"\x00\x01",
        b"\x0b",
        field(1, 1.5),
        field(2, field(1, 7)),
        field(2, field(1, b"\xff")),
        field(2, field(13, "12345678")),
        field(5, b"packed"),
        bytes(2**19),
        field(2, b"") * 6_000,
    ],
)
def test_what_is_no_payload_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data)
    assert Link().hear("NDATA", data)[1] != ""


@given(data=st.binary(max_size=80))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_payload_or_refused(data: bytes) -> None:
    link = Link()
    for kind in ("NBIRTH", "NDATA", "NDEATH", "NDATA"):
        link.hear(kind, data)


async def test_an_edge_node_is_asked_for_its_birth_over_the_broker(broker: Mosquitto, tmp_path: Path) -> None:
    readings: list[Reading] = []
    kept: list[Undecoded] = []
    commands: list[bytes] = []

    async def accept(some: list[Reading], rest: list[Undecoded]) -> None:
        readings.extend(some)
        kept.extend(rest)

    node = paho.Client(CallbackAPIVersion.VERSION2, "edge")
    node.on_message = lambda _, __, message: commands.append(message.payload)
    node.reconnect_delay_set(1, 1)
    node.connect("127.0.0.1", broker.port)
    node.subscribe("spBv1.0/g/NCMD/n")
    node.loop_start()
    table = MqttTable(topics=(TopicTable(filter="spBv1.0/#", decoder="sparkplug"),))
    given = context(FakeSpool(), accept=accept, broker=Address("127.0.0.1", broker.port), spool=tmp_path / "spool")
    link = MqttInput(table, given)
    task = asyncio.create_task(link.run())
    try:
        await asyncio.sleep(0.3)
        node.publish("spBv1.0/g/NDATA/n", payload(7, DATA), qos=1).wait_for_publish(5)
        await until(lambda: bool(commands))
        assert [item.reason for item in kept] == ["undecoded"]
        assert read(commands[0]).metrics[0].name == "Node Control/Rebirth"
        node.publish("spBv1.0/g/NBIRTH/n", BIRTH, qos=1).wait_for_publish(5)
        node.publish("spBv1.0/g/NDATA/n", payload(1, DATA), qos=1).wait_for_publish(5)
        await until(lambda: len(readings) == 2)
        # whatever was born while the line was down, nobody here heard of it
        broker.restart()
        await until(node.is_connected)
        await asyncio.sleep(1.5)
        node.publish("spBv1.0/g/NDATA/n", payload(2, DATA), qos=1).wait_for_publish(5)
        await until(lambda: len(kept) == 2)
    finally:
        task.cancel()
        await asyncio.wait((task,))
        node.disconnect()
        node.loop_stop()
    assert readings[1].values == {"temperature": pytest.approx(26)}


def test_metrics_that_differ_in_case_keep_apart_in_one_message_and_in_several() -> None:
    crc = {name: f"flux_{checksum(name)}" for name in ("Flux", "FLUX")}
    link = Link()
    rows = [
        metric(name, alias, DOUBLE, field(13, float(alias))) for alias, name in enumerate(("Flux", "flux", "FLUX"), 1)
    ]
    birth = payload(0, *rows)
    together = {crc["Flux"]: 1.0, "flux": 2.0, crc["FLUX"]: 3.0}
    assert link.hear("NBIRTH", birth) == ([together], "")
    (alone,) = decode(birth, Context(NOW, parameters={"topic": "spBv1.0/g/NBIRTH/n"}))
    assert alone.values == together, "also without the memory of births"
    assert link.hear("NDATA", payload(1, metric(alias=1, value=field(13, 7.0)))) == ([{crc["Flux"]: 7.0}], "")
    assert link.hear("NDATA", payload(2, metric("FLUX", value=field(13, 8.0)))) == ([{crc["FLUX"]: 8.0}], "")
    assert link.hear("NDATA", payload(3, metric(alias=2, value=field(13, 9.0)))) == ([{"flux": 9.0}], "")

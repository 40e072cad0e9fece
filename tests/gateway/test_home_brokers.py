"""Zigbee2MQTT, Tasmota and Shelly against recorded messages."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.decoders import Context, DecodeError
from support.cases import readings_by

NOW: Final = 1_764_900_000 * 10**9

ZIGBEE2MQTT: Final = {
    "battery": ("battery", 1),
    "brightness": ("brightness", 100 / 254),
    "color_temp": ("color_temp", 1),
    "humidity": ("humidity", 1),
    "illuminance_lux": ("illuminance", 1),
    "linkquality": ("linkquality", 1),
    "occupancy": ("occupied", 1),
    "temperature": ("temperature", 1),
    "voc": ("voc", 1),
    "voltage": ("battery_voltage", 0.001),
}
TASMOTA: Final = {
    "ApparentPower": ("apparent_power", 1),
    "Current": ("current", 1),
    "DewPoint": ("dew_point", 1),
    "Distance": ("distance", 0.001),
    "Factor": ("power_factor", 1),
    "Humidity": ("humidity", 1),
    "Power": ("power", 1),
    "Pressure": ("pressure", 1),
    "ReactivePower": ("reactive_power", 1),
    "Temperature": ("temperature", 1),
    "Today": ("energy_today", 1),
    "Total": ("energy", 1),
    "Voltage": ("voltage", 1),
    "Yesterday": ("energy_yesterday", 1),
}
"""Maker's field to quantity and factor."""


def vectors(shared_data: Path, family: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared_data / "payloads/home_iot_mqtt_payloads.json").read_text())[family]
    return found


def read(family: str, vector: Mapping[str, Any], topic: str) -> dict[str, float]:
    text = vector.get("payload_text")
    payload = json.dumps(vector["payload"]) if text is None else text
    readings = readings_by(family)(payload.encode(), Context(NOW, parameters={"topic": vector.get("topic", topic)}))
    assert len(readings) <= 1
    return readings[0].values if readings else {}


def test_recorded_messages_of_zigbee2mqtt(shared_data: Path) -> None:
    found = vectors(shared_data, "zigbee2mqtt")
    for vector in found:
        fields = {} if vector.get("topic", "").startswith("zigbee2mqtt/bridge") else vector["payload"]
        expected = {ZIGBEE2MQTT[f][0]: value * ZIGBEE2MQTT[f][1] for f, value in fields.items() if f in ZIGBEE2MQTT}
        if "contact" in fields:
            expected["door_open"] = float(not fields["contact"])
        if "state" in fields:
            expected["lamp_on"] = float(fields["state"] == "ON")
        assert read("zigbee2mqtt", vector, "zigbee2mqtt/x") == pytest.approx(expected), vector
    print(f"Zigbee2MQTT: {len(found)} passed, 0 failed, 0 unsupported")  # noqa: T201


def test_recorded_messages_of_tasmota(shared_data: Path) -> None:
    found = vectors(shared_data, "tasmota")
    for vector in found:
        payload = vector["payload"].get("StatusSNS", vector["payload"])
        fields = {
            name: value for sensor in payload.values() if isinstance(sensor, dict) for name, value in sensor.items()
        }
        expected = {TASMOTA[f][0]: value * TASMOTA[f][1] for f, value in fields.items() if f in TASMOTA}
        assert expected
        assert read("tasmota", vector, "tele/x/SENSOR") == pytest.approx(expected), vector
    print(f"Tasmota: {len(found)} passed, 0 failed, 0 unsupported")  # noqa: T201


def test_recorded_messages_of_shelly(shared_data: Path) -> None:
    found = vectors(shared_data, "shelly_gen2")
    for vector in found:
        switch = vector["payload"].get("params", {}).get("switch:0") or vector["payload"]
        expected = {"switch_on": float(switch["output"])} if "output" in switch else {}
        if "temperature" in switch:
            expected["device_temperature"] = switch["temperature"]["tC"]
        assert read("shelly", vector, "") == expected, vector
    print(f"Shelly: {len(found)} passed, 0 failed, 0 unsupported")  # noqa: T201


@pytest.mark.parametrize(
    ("family", "topic", "payload", "reason"),
    [
        ("zigbee2mqtt", "", '{"temperature": 1}', "missing_field"),
        ("zigbee2mqtt", "z/a", '{"temperature": 1, "last_seen": "soon"}', "bad_time"),
        ("zigbee2mqtt", "z/a", '{"temperature": 1, "last_seen": 1e300}', "bad_time"),
        ("zigbee2mqtt", "z/ ", '{"temperature": 1}', "bad_device"),
        ("tasmota", "", '{"A": {"Humidity": 1}}', "missing_field"),
        ("tasmota", "stat/a/POWER", "perhaps", "wrong_type"),
        ("tasmota", "tele/a/SENSOR", "", None),
        ("tasmota", "tele/a/SENSOR", '{"TempUnit": [], "A": {"Temperature": 1}}', "bad_quantity"),
        ("shelly", "", "{}", "missing_field"),
        ("shelly", "", '{"src": "a", "result": {}}', None),
        ("shelly", "", '{"src": "a", "method": ["NotifyStatus"]}', None),
        ("shelly", "", '{"method": "NotifyStatus", "params": {"humidity:0": {"rh": 1}}}', "missing_field"),
        (
            "shelly",
            "",
            '{"src": "a", "method": "NotifyStatus", "params": {"ts": -1, "humidity:0": {"rh": 1}}}',
            "bad_time",
        ),
        ("shelly", "a/status/switch:7", "null", None),
    ],
)
def test_what_is_wrong_is_said(family: str, topic: str, payload: str, reason: str | None) -> None:
    context = Context(NOW, parameters={"topic": topic} if topic else {})
    if reason is None:
        assert readings_by(family)(payload.encode(), context) == []
        return
    with pytest.raises(DecodeError) as raised:
        readings_by(family)(payload.encode(), context)
    assert raised.value.reason == reason


@pytest.mark.parametrize(
    ("family", "payload", "topics"),
    [
        ("zigbee2mqtt", '{"humidity": 1}', ["z/hall/lamp", "z/hall-lamp", "z/hall.lamp", "z/hall/ไฟ", "z/hall.ไฟ"]),
        ("tasmota", '{"A": {"Humidity": 1}}', ["tele/a/b/SENSOR", "tele/a-b/SENSOR", "tele/a.b/SENSOR"]),
        ("shelly", '{"rh": 1}', ["a/b/status/humidity:0", "a-b/status/humidity:0", "a.b/status/humidity:0"]),
    ],
)
def test_two_topics_are_two_devices(family: str, payload: str, topics: list[str]) -> None:
    read_of = [readings_by(family)(payload.encode(), Context(NOW, parameters={"topic": topic})) for topic in topics]
    assert len({reading.device for readings in read_of for reading in readings}) == len(topics)


def test_a_probe_keeps_its_name_whether_or_not_others_answer() -> None:
    both = {"DS18B20-1": {"Temperature": 5}, "DS18B20-2": {"Temperature": -18}, "ESP32": {"Temperature": 50}}
    for lost in [set(), *({sensor} for sensor in both), {"DS18B20-1", "ESP32"}]:
        message = {"ESP32": {"Temperature": None}, **{name: told for name, told in both.items() if name not in lost}}
        (reading,) = readings_by("tasmota")(json.dumps(message).encode(), Context(NOW, "d"))
        named = {"DS18B20-1": "temperature", "DS18B20-2": "temperature_ds18b20_2", "ESP32": "device_temperature"}
        assert set(reading.values) == {name for sensor, name in named.items() if sensor not in lost}


@pytest.mark.parametrize(
    ("component", "kind"),
    [
        ({"light:0": {"apower": 8.5}}, "street_light"),
        ({"light:0": {"output": True}}, "street_light"),
        ({"light:1": {"aenergy": {"total": 5}, "brightness": 50}}, "street_light"),
        ({"switch:0": {"output": True}}, "energy_meter"),
        ({"cover:0": {"current": 1}}, "energy_meter"),
        ({"temperature:100": {"tC": 5}}, "weather"),
        ({"wifi": {"rssi": -60}, "humidity:0": {"rh": 5}}, "weather"),
    ],
)
def test_the_kind_is_the_components_whatever_of_it_changed(component: dict[str, Any], kind: str) -> None:
    message = json.dumps({"src": "a", "method": "NotifyStatus", "params": component}).encode()
    assert [reading.kind for reading in readings_by("shelly")(message, Context(NOW))] == [kind]
    assert [reading.kind for reading in readings_by("shelly")(message, Context(NOW, kind="dock"))] == ["dock"]
    with pytest.raises(DecodeError, match="no kind"):
        readings_by("shelly")(message, Context(NOW, kind="toaster"))


def test_numbers_too_large_to_be_measured_are_passed_over() -> None:
    huge = "1" + "0" * 400
    for family, payload in {
        "zigbee2mqtt": f'{{"temperature": {huge}}}',
        "tasmota": f'{{"A": {{"Humidity": {huge}}}}}',
        "shelly": f'{{"src": "a", "method": "NotifyStatus", "params": {{"humidity:0": {{"rh": {huge}}}}}}}',
    }.items():
        assert readings_by(family)(payload.encode(), Context(NOW, "d")) == []

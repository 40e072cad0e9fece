"""The kind of a device to which nobody gives one."""

from pathlib import Path

import pytest

from city.catalog import KINDS, QUANTITIES, SENSOR, Kind, Workstream
from city.reading import Reading
from gateway.config import load_config
from gateway.decoders import Context, Origin, kinds
from gateway.naming import Decoding
from support import cases
from support.cases import readings_by

NOW = 1_764_900_000 * 10**9


@pytest.mark.parametrize(
    ("quantities", "kind"),
    [
        ("temperature humidity", "weather"),
        ("temperature humidity pm2_5", "air_quality"),
        ("temperature humidity pressure pm2_5", "weather"),
        ("temperature_ds18b20_2", "weather"),
        ("power energy voltage current switch_on", "energy_meter"),
        ("power energy lamp_on", "street_light"),
        ("level flow battery", "water_level"),
        ("water_leak battery_low", "water_level"),
        ("rain_amount", "rain"),
        ("vehicle_count speed", "traffic"),
        ("speed heading odometer", "vehicle"),
        ("position_fix", "vehicle"),
        ("speed heading pm2_5", "mapping_robot"),
        ("temperature humidity shock", "cargo"),
        ("fill_level temperature", "waste_bin"),
        ("door_open", SENSOR),
        ("door_open battery rssi tamper", SENSOR),
        ("door_open occupied", SENSOR),
        ("door_open temperature", SENSOR),
        ("occupied illuminance", SENSOR),
        ("speed heading", SENSOR),
        ("weight", SENSOR),
        ("switch_on", SENSOR),
        ("process_cpu", SENSOR),
        ("battery rssi", SENSOR),
        ("", SENSOR),
    ],
)
def test_what_is_measured_tells_the_kind_or_nothing_does(quantities: str, kind: str) -> None:
    assert kinds.kind_of(Context(NOW), quantities.split()) == kind


@pytest.mark.parametrize(
    ("decoder", "topic", "payload", "kind"),
    [
        ("tasmota", "stat/a/POWER", b"ON", "energy_meter"),
        ("tasmota", "tele/a/STATE", b'{"Wifi": {"Signal": -60}}', SENSOR),
        ("shelly", "a/status/switch:0", b'{"output": true}', "energy_meter"),
        ("shelly", "a/status/smoke:0", b'{"alarm": false}', SENSOR),
        ("shelly", "a/status/devicepower:0", b'{"battery": {"percent": 80}}', SENSOR),
        ("zigbee2mqtt", "z/a", b'{"contact": true}', SENSOR),
    ],
)
def test_a_decoder_says_more_than_what_is_measured(decoder: str, topic: str, payload: bytes, kind: str) -> None:
    (reading,) = readings_by(decoder)(payload, Context(NOW, parameters={"topic": topic}))
    assert reading.kind == kind


def test_all_signatures_are_of_the_catalog() -> None:
    assert {row.kind for row in kinds.SIGNATURES} <= KINDS.keys()
    assert {key for row in kinds.SIGNATURES for key in row.telling | row.common} <= QUANTITIES.keys()


def test_a_new_kind_of_the_catalog_moves_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = (*QUANTITIES, "switch_on", "distance")
    monkeypatch.setitem(KINDS, "fridge", Kind("fridge", Workstream.SMART_CITY, "Fridge", "ตู้เย็น", everything, 60))
    kinds._kept_kind.cache_clear()
    for case in map(cases.load, cases.folders()):
        made, wanted = case.outcome(), case.wanted()
        if isinstance(wanted, list):
            assert [reading["kind"] for reading in made] == [reading["kind"] for reading in wanted], str(case)
    kinds._kept_kind.cache_clear()


def test_nothing_is_quarantined_for_want_of_a_kind(tmp_path: Path) -> None:
    payload, context = b'{"values": {"door_open": 1}}', Context(NOW, device="d-1")
    assert readings_by("native")(payload, context) == [Reading("d-1", SENSOR, NOW, {"door_open": 1.0})]
    file = tmp_path / "gateway.toml"
    file.write_text('[sources.d-1]\nkind = "dock"\n')
    decoding = Decoding(load_config(file).naming)
    readings, undecoded = decoding.decode(Origin("http", "native", {"device": "d-1"}), payload, NOW)
    assert ([reading.kind for reading in readings], undecoded) == (["dock"], [])

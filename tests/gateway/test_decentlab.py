"""Decentlab's frames: the published ones, and what their names mean."""

import base64
import json
from pathlib import Path
from typing import Any, Final

import pytest

from city.catalog import KINDS
from city.errors import Malformed
from gateway.decoders import DECODERS, Context
from gateway.decoders.lorawan.codecs import CODECS
from gateway.decoders.lorawan.codecs.decentlab import MODELS

EUI: Final = "70b3d57ba0000017"
UNSUPPORTED: Final = {"dl-dlr2-008"}
"""The formula of its resistance thermometer is not known."""


def vectors(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "decoders" / "lorawan_chirpstack_profiles_public.json").read_text()
    return [vector for vector in json.loads(text)["vectors"] if vector["vendor"] == "decentlab"]


def numbers(data: dict[str, Any]) -> dict[str, float]:
    return {name: value["value"] if isinstance(value, dict) else value for name, value in data.items()}


def values(model: str, **brought: Any) -> dict[str, float]:
    """Say what a reading has when a network server brings this of an uplink: `data`, or the `object` it made of it."""
    event = {"deviceInfo": {"devEui": EUI}, "fPort": 1, **brought}
    context = Context(1_764_900_000_000_000_000, codecs={f"eui-{EUI}": f"decentlab-{model}"})
    (reading,) = DECODERS["chirpstack"](json.dumps(event).encode(), context).readings
    return reading.values


def test_published_frames_give_the_makers_numbers(shared_data: Path) -> None:
    passed = unsupported = 0
    for vector in vectors(shared_data):
        codec = CODECS[f"decentlab-{vector['codec']}"]
        payload = bytes.fromhex(vector["hex"])
        if vector["codec"] in UNSUPPORTED:
            with pytest.raises(Malformed, match="not known"):
                codec.decode(vector["fPort"], payload)
            unsupported += 1
            continue
        expected = numbers(vector["expected"]["data"])
        assert codec.decode(vector["fPort"], payload) == pytest.approx(expected, rel=1e-12, abs=1e-12), vector["name"]
        passed += 1
    print(f"decentlab: {passed} passed, 0 failed, {unsupported} unsupported")  # noqa: T201
    assert (passed, unsupported) == (70, 1)


def test_a_frame_means_the_same_decoded_here_or_by_the_network_server(shared_data: Path) -> None:
    for vector in vectors(shared_data):
        if vector["codec"] in UNSUPPORTED:
            continue
        data = base64.b64encode(bytes.fromhex(vector["hex"])).decode()
        here = values(vector["codec"], data=data)
        assert here == pytest.approx(values(vector["codec"], object=vector["expected"]["data"])), vector["name"]
        assert "battery_voltage" in here
        assert not here.keys() & {"device_id", "protocol_version"}


@pytest.mark.parametrize(
    ("model", "fields", "wanted"),
    [
        ("dl-pm", {"pm2_5_mass_concentration": 18.7, "barometric_pressure": 98600}, {"pm2_5": 18.7, "pressure": 986.0}),
        ("dl-atm41", {"atmospheric_pressure": 98.87, "precipitation": 0.2}, {"pressure": 988.7, "rain_amount": 0.2}),
        ("dl-atm41g2", {"barometric_pressure": 99.12}, {"pressure": 991.2}),
        ("dl-mbx", {"distance": 2417}, {"distance": 2.417}),
        ("dl-ntu", {"temperature": 28.03}, {"water_temperature": 28.03}),
        ("dl-ds18", {"temperature": 28.03}, {"temperature": 28.03}),
        ("dl-dlr2-004", {"current": 12.5}, {"current": 0.0125}),
        (
            "dl-tp",
            {"temperature_at_level_0": 25.5, "temperature_at_level_1": -327.68},
            {"temperature_at_level_0": 25.5},
        ),
        (
            "dl-smtp",
            {"soil_moisture_at_depth_7": -5.0, "soil_temperature_at_depth_7": -327.68, "battery_voltage": 3},
            {"battery_voltage": 3},
        ),
    ],
)
def test_fields_become_the_catalogs_quantities(model: str, fields: dict[str, float], wanted: dict[str, float]) -> None:
    assert values(model, object=fields) == pytest.approx(wanted)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_is_of_a_kind_and_tells_its_battery(model: str) -> None:
    assert MODELS[model].kind in KINDS
    assert "battery_voltage" in {name for group in MODELS[model].groups if group for name in group.values}

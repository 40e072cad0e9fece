"""LoRaWAN against recorded vectors: frames by the codecs' own answers, envelopes by their servers' decoded objects."""

import base64
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pytest

from city.catalog import KINDS
from city.errors import Malformed, Reason
from gateway.decoders import Context
from gateway.decoders.lorawan import codecs
from gateway.decoders.lorawan.codecs import CODECS
from gateway.decoders.lorawan.codecs.digital_matter import g62_clock
from gateway.decoders.lorawan.model_names import guess
from gateway.naming.decoding import checked
from support.cases import readings_by

_RECEIVED_NS: Final = 1_790_000_000 * 10**9

CODEC_OF: Final = MappingProxyType(
    {
        "am319": "milesight-am300",
        "at101": "milesight-at101",
        "ct101": "milesight-ct101",
        "digital-matter-g62": "digital-matter-g62",
        "digital-matter-oyster3-yabby3": "digital-matter-oyster3",
        "elsys": "elsys",
        "em300-sld-zld": "milesight-em300-sld",
        "em300-th": "milesight-em300-th",
        "em500-co2": "milesight-em500-co2",
        "em500-pt100": "milesight-em500-pt100",
        "em500-swl": "milesight-em500-swl",
        "em500-udl": "milesight-em500-udl",
        "ldds75": "dragino-ldds75",
        "lds02": "dragino-lds02",
        "lht65": "dragino-lht65",
        "lht65n": "dragino-lht65",
        "lt-22222-l": "dragino-lt22222",
        "lwl02": "dragino-lwl02",
        "merryiot-cd10": "browan-cd10",
        "merryiot-dw10": "browan-dw10",
        "rak_standard": "cayenne",
        "tabs-tbhh100": "browan-tbhh100",
        "tabs-tbms100": "browan-tbms100",
    }
)
"""Name of the recorded codec to ours; what is in neither counts as unsupported."""

_WITHOUT_CLOCK: Final = MappingProxyType({"digital-matter-g62": {"time"}})
"""Fields that the recorded decoder took from its clock: a codec of ours has none, and the envelope completes them."""


def frames(shared_data: Path) -> list[dict[str, Any]]:
    folder = shared_data / "decoders"
    files = [folder / f"lorawan_{name}_public.json" for name in ("chirpstack_profiles", "ttn_devices")]
    vectors = [vector for file in files for vector in json.loads(file.read_text("utf-8"))["vectors"]]
    return [vector for vector in vectors if vector["vendor"] != "decentlab"]


def envelopes(shared_data: Path, name: str) -> dict[str, dict[str, Any]]:
    vectors = json.loads((shared_data / "payloads" / name).read_text("utf-8"))["vectors"]
    return {vector["name"]: vector["payload"] for vector in vectors}


def read(decoder: str, payload: object, **known: Mapping[str, str]) -> list[Any]:
    context = Context(_RECEIVED_NS, **known)  # type: ignore[arg-type]
    return checked(readings_by(decoder)(json.dumps(payload).encode(), context))


def test_every_recorded_frame_gives_the_makers_own_answer(shared_data: Path) -> None:
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    for vector in frames(shared_data):
        name = CODEC_OF.get(vector["codec"])
        if name is None:
            counts["unsupported"] += 1
            continue
        made = CODECS[name](vector["fPort"] or 85, bytes.fromhex(vector["hex"]))
        left_out = _WITHOUT_CLOCK.get(vector["codec"], set())
        wanted = {key: value for key, value in vector["expected"]["data"].items() if key not in left_out}
        counts["passed" if made == wanted else "failed"] += 1
        if made != wanted:
            wrong.append(f"{vector['codec']} {vector['hex']}: {made} is not {wanted}")
    print("LoRaWAN frames:", ", ".join(f"{number} {what}" for what, number in sorted(counts.items())))  # noqa: T201 -- the figures
    assert not wrong, "\n".join(wrong)
    assert counts["passed"] >= 34


def test_a_part_of_a_time_is_completed_by_the_servers_time(shared_data: Path) -> None:
    (vector,) = (vector for vector in frames(shared_data) if vector["codec"] == "digital-matter-g62")
    fields = CODECS["digital-matter-g62"](vector["fPort"], bytes.fromhex(vector["hex"]))
    measured_ns = 1_767_365_552 * 10**9  # the `time` of the vector
    for late_s in (-200, 0, 40, 3_600, 65_000):
        assert g62_clock(fields, measured_ns + late_s * 10**9) == measured_ns


def test_recorded_chirpstack_events(shared_data: Path) -> None:
    events = envelopes(shared_data, "chirpstack_v4_events.json")
    assert read("chirpstack", events["docs_join"]) == []
    assert read("chirpstack", events["docs_log"]) == []
    (status,) = read("chirpstack", events["docs_status"])
    assert (status.device, status.values) == ("eui-0101010101010101", {"battery": 88.3, "margin": 10.0})
    for name in ("docs_up", "water_meter_up_no_object"):
        with pytest.raises(Malformed) as refused:
            read("chirpstack", events[name])
        assert refused.value.reason == Reason.NO_CODEC
    (logger,) = read("chirpstack", events["lht52_up"])
    assert logger.device == "eui-a840415711866a85"
    assert logger.values == {"temperature": 26.6, "humidity": 52.7, "rssi": -49.0, "snr": 14.2}
    assert logger.time_ns == 1_709_222_478 * 10**9, "the device's own time"
    assert logger.lat is None


def test_recorded_things_stack_uplinks(shared_data: Path) -> None:
    uplinks = envelopes(shared_data, "ttn_v3_uplinks.json")
    (state,) = read("ttn", uplinks["dragino_lht52_port5_status"])
    assert state.values == {"battery_voltage": 3.054, "rssi": -99.0, "snr": 11.0}
    (logger,) = read("ttn", uplinks["dragino_lht65_port2"])
    assert logger.device == "eui-a8404163f1834c84"
    assert logger.values == {
        "battery_voltage": 3.103,
        "humidity": 67.6,
        "probe_temperature": 13.18,
        "temperature": 14.65,
        "rssi": -60.0,
        "snr": 8.5,
    }
    (station,) = read("ttn", uplinks["hm_weather_station"])
    assert (station.kind, station.values["humidity"]) == ("weather", 83.9)
    (detector,) = read("ttn", uplinks["portenta_h7"])
    assert detector.values == {"detected": 1.0, "rssi": -51.0, "snr": 13.5}
    assert detector.lat is None, "the gateway's position is not the device's"
    with pytest.raises(Malformed) as refused:
        read("ttn", uplinks["tts_docs_storage_example_dev1"])
    assert refused.value.reason == Reason.NO_CODEC


@pytest.mark.parametrize("name", ["dragino_lht52_port5_status", "dragino_lht65_port2"])
def test_our_codec_gives_what_the_server_decoded(shared_data: Path, name: str) -> None:
    uplink = envelopes(shared_data, "ttn_v3_uplinks.json")[name]
    message = uplink["uplink_message"]
    codec = CODECS[guess(f"{message['version_ids']['brand_id']} {message['version_ids']['model_id']}") or ""]
    assert codec(message["f_port"], base64.b64decode(message["frm_payload"])) == message["decoded_payload"]
    decoded = read("ttn", uplink)
    del message["decoded_payload"]
    assert read("ttn", uplink) == decoded


def test_our_codec_gives_what_chirpstack_decoded(shared_data: Path) -> None:
    event = envelopes(shared_data, "chirpstack_v4_events.json")["lht52_up"]
    decoded = read("chirpstack", event)
    del event["object"]
    assert read("chirpstack", event) == decoded


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("LHT52", "dragino-lht52"),
        ("Dragino LHT65N (AS923)", "dragino-lht65"),
        ("dragino lht65n-vib", None),
        ("Dragino LHT65N-PIR", None),
        ("dragino dds75-lb", "dragino-ldds75"),
        ("dragino lt-22222-l", "dragino-lt22222"),
        ("ELSYS ERS CO2", "elsys"),
        ("ers-lite", "elsys"),
        ("milesight-iot em300-th", "milesight-em300-th"),
        ("Milesight EM300-ZLD", "milesight-em300-sld"),
        ("Milesight EM310-NEW", "milesight"),
        ("EM500-UDL-C050", "milesight-em500-udl"),
        ("Digital Matter Yabby3", "digital-matter-oyster3"),
        ("Cayenne LPP", "cayenne"),
        ("lora water meter", None),
        ("Test device-profile", None),
        ("Travellers", None),
        ("", None),
    ],
)
def test_a_codec_is_guessed_by_the_model_alone(label: str, codec: str | None) -> None:
    assert guess(label) == codec


def test_every_makers_module_exports_its_codecs_and_no_two_have_one_name() -> None:
    folder = Path(codecs.__file__).parent
    exporting = {path.stem for path in folder.glob("*.py") if "\nCODECS: " in path.read_text("utf-8")} - {"__init__"}
    assert exporting == {maker.__name__.rpartition(".")[2] for maker in codecs.MAKERS}
    assert len(CODECS) == sum(len(maker.CODECS) for maker in codecs.MAKERS)
    with pytest.raises(ValueError, match="two codecs are called 'elsys'"):
        codecs.merged([CODECS, {"elsys": CODECS["elsys"]}])


def test_every_codec_has_a_kind_of_the_catalog() -> None:
    assert {codec.kind for codec in CODECS.values()} <= KINDS.keys()


def test_a_device_whose_clock_was_never_set_has_the_servers_time() -> None:
    for seconds in (0, 86_400, 4_000_000_000):
        frame = bytes.fromhex("0af002267fff01") + seconds.to_bytes(4, "big")
        event = {
            "time": "2026-03-01T10:00:00Z",
            "deviceInfo": {"devEui": "70b3d57ed0064c01", "deviceProfileName": "LHT52"},
            "fPort": 2,
            "data": base64.b64encode(frame).decode(),
        }
        assert read("chirpstack", event)[0].time_ns == 1_772_359_200 * 10**9


@pytest.mark.parametrize("name", ["time", "device", "x_failed"])
def test_a_name_that_the_store_uses_itself_is_changed(name: str) -> None:
    event = {"deviceInfo": {"devEui": "70b3d57ed0064c01"}, "object": {name: 5}}
    assert read("chirpstack", event)[0].values == {f"{name}_value": 5.0}


@pytest.mark.parametrize(
    ("decoded", "reason"),
    [
        ({f"k{i}": i for i in range(2_000)}, Reason.TOO_LARGE),
        ({f"k{i}": i for i in range(65)}, Reason.NO_VALUES),
        ({"a": 10**400}, Reason.NOT_FINITE),
        ({"k" * 201: 1}, Reason.BAD_QUANTITY),
        ({"latitude": 91, "longitude": 0, "a": 1}, Reason.BAD_POSITION),
        ({"history": [{"timestamp": 1e30, "a": 1}]}, Reason.BAD_TIME),
        ({"history": [{"timestamp": -1, "a": 1}]}, Reason.BAD_TIME),
        ({"history": [{"timestamp": 2**32, "a": 1}]}, Reason.BAD_TIME),
        ({"history": [{"timestamp": 1, "a": 1}] * 51}, Reason.TOO_MANY_READINGS),
    ],
)
def test_what_no_device_says_is_refused(decoded: dict[str, object], reason: Reason) -> None:
    with pytest.raises(Malformed) as refused:
        read("chirpstack", {"deviceInfo": {"devEui": "70b3d57ed0064c01"}, "object": decoded})
    assert refused.value.reason == reason


def test_nested_objects_lists_and_texts() -> None:
    decoded = {
        "soil": {"temperature": {"value": 21, "unit": "°C"}, "layers": [1.5, None, "x", 2.5]},
        "note": "fine",
        "name": "7",
        "none": None,
        "raised": True,
    }
    (reading,) = read("chirpstack", {"deviceInfo": {"devEui": "70b3d57ed0064c01"}, "object": decoded})
    assert reading.values == {"soil_temperature": 21.0, "soil_layers_1": 1.5, "soil_layers_4": 2.5, "raised": 1.0}


def said(codec: str, **brought: Any) -> Any:
    """Say what an uplink of such a device becomes: its `fPort` and frame (`hex`), or the server's `object`."""
    if "hex" in brought:
        brought["data"] = base64.b64encode(bytes.fromhex(brought.pop("hex"))).decode()
    event = {"time": "2026-03-01T10:00:00Z", "deviceInfo": {"devEui": "70b3d57ed0064c01"}, **brought}
    return read("chirpstack", event, parameters={"codec": codec})


@pytest.mark.parametrize(
    ("codec", "brought", "wanted"),
    [
        ("elsys", {"hex": "1100"}, {"occupied": 0, "occupancy_state": 0}),
        ("elsys", {"hex": "1101"}, {"occupied": 0, "occupancy_state": 1}),
        ("elsys", {"hex": "1102"}, {"occupied": 1, "occupancy_state": 2}),
        ("elsys", {"object": {"occupancy": 1, "humidity": 40}}, {"occupied": 0, "occupancy_state": 1, "humidity": 40}),
        ("elsys", {"hex": "0813881807D0"}, {"analog_voltage_1": 5, "analog_voltage_2": 2}),
        ("elsys", {"object": {"analog1": 1250}}, {"analog_voltage_1": 1.25}),
        ("elsys", {"hex": "01010409 000000 000000"}, {"temperature": 26}),
        ("elsys", {"object": {"temperature": 26, "lat": 0, "long": 0}}, {"temperature": 26}),
        ("cayenne", {"hex": "0367010401 88 000000 000000 000000"}, {"temperature": 26}),
        (
            "cayenne",
            {"object": {"temperature_3": 26, "gps_1": {"latitude": 0, "longitude": 0, "altitude": 0}}},
            {"temperature": 26},
        ),
        (
            "cayenne",
            {"object": {"temperatureSensor": {"3": 26}, "gpsLocation": {"1": {"latitude": 0, "longitude": 0}}}},
            {"temperature": 26},
        ),
        ("cayenne", {"hex": "0287FF8000"}, {"colour_r": 255, "colour_g": 128, "colour_b": 0}),
        ("milesight-am100", {"hex": "056A0700"}, {"activity_level": 7}),
        ("milesight-am100", {"object": {"activity": 7}}, {"activity_level": 7}),
        ("milesight-am100", {"object": {"pir": "trigger"}}, {"occupied": 1}),
        ("milesight-am300", {"hex": "050001"}, {"occupied": 1}),
        ("milesight-am300", {"object": {"activity": "idle"}}, {"occupied": 0}),
        ("milesight", {"object": {"pir": "trigger"}}, {"occupied": 1}),
        ("milesight-am300", {"hex": "08E67800"}, {"tvoc_ug_m3": 120}),
        ("milesight-ct101", {"hex": "049964000967FDFF"}, {"current": 10}),
        ("milesight-ct101", {"hex": "049964000967FFFF"}, {"current": 10}),
        ("milesight-ct101", {"hex": "8967660101"}, {"temperature": 35.8, "temperature_alarm": 1}),
        ("milesight-em300-th", {"hex": "0367FFFF"}, {"temperature": -0.1}),
        (
            "milesight-em400",
            {"hex": "8482F4010183672C0100"},
            {"distance": 0.5, "distance_alarm": 1, "temperature": 30, "temperature_alarm": 0},
        ),
        (
            "milesight-em400",
            {"object": {"distance": 500, "distance_alarming": True}},
            {"distance": 0.5, "distance_alarm": 1},
        ),
        ("milesight-em500-smtc", {"hex": "046850"}, {"soil_moisture": 40}),
        ("milesight", {"hex": "046850"}, {"humidity": 40}),
        ("milesight-ws201", {"hex": "04D623"}, {"remaining_space": 35, "fill_level": 65}),
        ("milesight-ws201", {"object": {"remaining": 0}}, {"remaining_space": 0, "fill_level": 100}),
        (
            "milesight-ws302",
            {"hex": "055B0558022602BC02"},
            {"sound_level": 55, "sound_level_fast": 60, "sound_level_max": 70},
        ),
        (
            "milesight-ws302",
            {"hex": "055B0A58022602BC02"},
            {"sound_level_c": 55, "sound_level_c_slow": 60, "sound_level_c_slow_max": 70},
        ),
        ("milesight-ws302", {"object": {"LZeq": 61.5}}, {"sound_level_z": 61.5}),
        ("milesight-at101", {"hex": "01754B070001"}, {"battery": 75, "tamper_status": 1}),
        (
            "milesight-at101",
            {"object": {"tamper_status": "install", "wifi": [{"group": 1, "rssi": -60}]}},
            {"tamper_status": 0},
        ),
        ("milesight-em300-di", {"hex": "05E10A00640000004842"}, {"water": 50}),
        ("milesight-em300-di", {"hex": "85000101"}, {"gpio": 1, "gpio_alarm": 1}),
        (
            "dragino-lht65",
            {"object": {"TempC_SHT": 28.5, "TempC_DS": 28, "No_connect": "Sensor no connection"}},
            {"temperature": 28.5},
        ),
        ("dragino-lsn50", {"object": {"TempC_SHT": -0.1, "Hum_SHT": 6553.5, "BatV": 3.3}}, {"battery_voltage": 3.3}),
        (
            "dragino-lht65",
            {"fPort": 2, "hex": "CC380B22028185 0320 7FFF"},
            {"temperature": 28.5, "humidity": 64.1, "battery_voltage": 3.128},
        ),
        (
            "dragino-lht65",
            {"fPort": 2, "hex": "CC380B22028181 0AF0 7FFF"},
            {"temperature": 28.5, "humidity": 64.1, "battery_voltage": 3.128},
        ),
        (
            "dragino-lsn50",
            {"fPort": 2, "hex": "0D7A7FFF000000FFFFFFFF"},
            {"battery_voltage": 3.45, "analog_voltage": 0, "digital_input": 0, "interrupt": 0, "contact_open": 1},
        ),
        (
            "dragino-lsn50",
            {"object": {"TempC_SHT": 27, "Hum_SHT": 100, "BatV": 3.3}},
            {"temperature": 27, "humidity": 100, "battery_voltage": 3.3},
        ),
    ],
)
def test_a_field_becomes_what_it_means(codec: str, brought: dict[str, Any], wanted: dict[str, float]) -> None:
    (reading,) = said(codec, **brought)
    assert (reading.values, reading.lat) == (pytest.approx(wanted), None)


@pytest.mark.parametrize(
    ("brought", "placed"),
    [
        ({"fPort": 2, "hex": "38CEEC080091DC3C2D3CC8"}, True),
        ({"fPort": 2, "hex": "30CEEC080191DC3C2D3CC8"}, False),
        ({"object": {"latitudeDeg": 14.9737008, "longitudeDeg": 102.1088, "gpsCurrent": True, "batV": 4}}, True),
        ({"object": {"latitudeDeg": 14.9737008, "longitudeDeg": 102.1088, "gpsCurrent": False, "batV": 4}}, False),
        ({"object": {"latitudeDeg": 14.9737008, "longitudeDeg": 102.1088, "batV": 4}}, True),
        ({"object": {"latitudeDeg": 14.9737008, "longitudeDeg": 102.1088, "fixFailed": True, "batV": 4}}, False),
    ],
)
def test_a_position_that_is_not_current_is_none(brought: dict[str, Any], *, placed: bool) -> None:
    (reading,) = said("digital-matter-g62", **brought)
    assert (reading.lat, reading.lon) == ((14.9737008, 102.1088) if placed else (None, None))
    assert ("ignition" in reading.values) == ("hex" in brought)
    assert reading.values["battery_voltage"] == 4


@pytest.mark.parametrize("seconds", [0, 1, 1_577_836_799, 1_772_359_200 + 301, 2**32 - 1])
def test_a_record_of_a_clock_that_was_never_set_is_passed_over(seconds: int) -> None:
    records = [{"timestamp": at, "temperature": at} for at in (seconds, 1_772_355_600)]
    (older, now) = said("milesight-em300-th", object={"history": records, "temperature": 24})
    assert (older.time_ns, older.values) == (1_772_355_600 * 10**9, {"temperature": 1_772_355_600})
    assert now.values == {"temperature": 24}
    assert said("milesight-em300-th", object={"history": records[:1]}) == []

"""A city's names for what its gateways hear."""

import json
import time
from pathlib import Path

import pytest

from city.errors import Malformed
from city.reading import Reading
from gateway.config import load_config
from gateway.decoders import Context, Origin
from gateway.decoders.decoder import Decoded, Rest
from gateway.naming import Decoding, Naming

NOW = 1_764_900_000 * 10**9
KEY = "k" * 32
TOPIC = Origin("mqtt", "senml", {"topic": "plant/7/air"})


@pytest.fixture
def name(tmp_path: Path) -> "Name":
    return Name(tmp_path)


class Name:
    """Makes a decoding under the names of a `gateway.toml`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, text: str) -> Decoding:
        (self.folder / "pseudonyms.key").write_text(KEY + "\n")
        (self.folder / "gateway.toml").write_text(text)
        return Decoding(load_config(self.folder / "gateway.toml").naming)


def senml(device: str = "urn:dev:ow:1", **values: float) -> bytes:
    return json.dumps([{"n": f"{device}:{key}", "v": value} for key, value in values.items()]).encode()


def heard(decoding: Decoding, payload: bytes, came: Origin = TOPIC) -> list[Reading]:
    readings, undecoded = decoding.decode(came, payload, NOW)
    assert undecoded == []
    return readings


def test_a_source_gets_its_device_kind_place_and_quantities(name: Name) -> None:
    decoding = name("""
        [sources.urn-dev-ow-1]
        device = "aq-7"
        kind = "air_quality"
        lat = 14.9795
        lon = 102.0977
        drop = ["snr"]
        [sources.urn-dev-ow-1.quantities]
        co2_ppm = { quantity = "co2", unit = "[ppm]" }
        t = { quantity = "temperature", unit = "degF" }
        ozone = { quantity = "o3", unit = "[ppm]" }
        bat = "battery"
    """)
    got = heard(decoding, senml(co2_ppm=612, t=86, snr=7, bat=88, pm10=31, ozone=0.03))
    values = {"co2": 612, "temperature": pytest.approx(30), "battery": 88, "pm10": 31, "o3": 30}
    assert got == [Reading("aq-7", "air_quality", NOW, values, 14.9795, 102.0977)]
    assert heard(decoding, senml("urn:dev:ow:2", pm10=31)) == [
        Reading("urn-dev-ow-2", "air_quality", NOW, {"pm10": 31.0})
    ]


def test_a_unit_alone_keeps_the_name_and_flags_go_with_their_values(
    name: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Reading(
        "a", "weather", NOW, {"temperature": 300.0, "wind": 2.0, "x": 1.0}, None, None, {"wind": 3, "x": 4}
    )
    monkeypatch.setattr("gateway.naming.decoding.DECODERS", {"senml": lambda *_: Decoded([reading], Rest())})
    decoding = name("""
        [sources.a]
        drop = ["x"]
        [sources.a.quantities]
        temperature = { unit = "K" }
        wind = { quantity = "wind_speed", unit = "knot" }
    """)
    (got,) = heard(decoding, b"")
    assert got.values == pytest.approx({"temperature": 26.85, "wind_speed": 1.028889})
    assert got.flags == {"wind_speed": 3}


def test_what_is_renamed_wins_over_what_had_the_name(name: Name) -> None:
    decoding = name('[sources.urn-dev-ow-1.quantities]\nbest_pm = "pm10"')
    for payload in (senml(best_pm=1, pm10=2), senml(pm10=2, best_pm=1)):
        assert heard(decoding, payload)[0].values == {"pm10": 1}


def test_all_but_a_few_can_be_dropped(name: Name) -> None:
    decoding = name('[sources.urn-dev-ow-1]\ndrop = "rest"\n[sources.urn-dev-ow-1.quantities]\nlevel = "level"')
    assert heard(decoding, senml(level=181, flow=3))[0].values == {"level": 181}
    assert heard(decoding, senml(flow=3)) == [], "nothing is left to say"
    assert decoding.sources.all()[0].readings == 2


def test_a_way_names_what_comes_by_it_unless_the_source_has_a_name_of_its_own(name: Name) -> None:
    decoding = name("""
        [sources."plant/+/air"]
        kind = "air_quality"
        [sources."plant/7/#"]
        kind = "weather"
        [sources."http/senml"]
        kind = "cargo"
        [sources.urn-dev-ow-2]
        device = "w-2"
    """)
    body = senml(temperature=20)
    assert heard(decoding, body)[0].kind == "air_quality", "the first that matches"
    for topic, kind in (("plant/7", "weather"), ("plant/7/x/y", "weather"), ("plants/7/air", "weather")):
        assert heard(decoding, body, Origin("mqtt", "senml", {"topic": topic}))[0].kind == kind
    assert heard(decoding, body, Origin("http", "senml", {}))[0].kind == "cargo"
    assert heard(decoding, body, Origin("http", "senml", {"topic": "plant/7/air"}))[0].kind == "cargo", (
        "no topic of HTTP"
    )
    assert heard(decoding, senml("urn:dev:ow:2", pm10=3))[0].device == "w-2"


def test_decoders_are_told_codecs_and_mappings(name: Name, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Context] = []
    monkeypatch.setattr(
        "gateway.naming.decoding.DECODERS", {"senml": lambda _, context: told.append(context) or Decoded([], Rest())}
    )
    monkeypatch.setattr("gateway.naming.tables.CODECS", {"elsys": None, "dragino-lht65": None})
    decoding = name("""
        [sources."eui-a84041b2c1d00001"]
        codec = "dragino-lht65"
        [sources."plant/#"]
        codec = "elsys"
        [mappings.roof]
        values = { pm10 = "dust" }
    """)
    heard(decoding, b"", Origin("mqtt", "senml", {"topic": "else"}))
    heard(decoding, b"")
    plain, way = told
    assert (dict(plain.codecs), "roof" in plain.mappings) == ({"eui-a84041b2c1d00001": "dragino-lht65"}, True)
    assert way.codecs.get("eui-a84041b2c1d00001") == "dragino-lht65"
    assert way.codecs.get("eui-0000000000000002") == "elsys"


def test_personal_ids_become_the_same_pseudonym_everywhere(name: Name) -> None:
    text = """
        [sources.urn-dev-ow-1]
        device = "osmand-somchai"
        [pseudonyms]
        key_file = "pseudonyms.key"
        devices = ["osmand-*"]
        quantities = ["driver_id"]
        [sources.urn-dev-ow-1.quantities]
        ibutton = "driver_id"
    """
    (got,) = heard(name(text), senml(ibutton=4711, speed=30))
    again = name(text).decode_again(str(TOPIC), senml(ibutton=4711, speed=31), NOW)[0][0]
    assert (got.device, got.values["driver_id"]) == (again.device, again.values["driver_id"])
    assert got.device.startswith("p-")
    assert (len(got.device), got.values["speed"]) == (18, 30)
    assert got.values["driver_id"] != 4711
    assert got.values["driver_id"] == int(got.values["driver_id"]) < 2**48
    (other,) = heard(name(text), senml(ibutton=4712))
    assert other.values["driver_id"] != got.values["driver_id"]
    assert heard(name(text), senml("urn:dev:ow:2", speed=3))[0].device == "urn-dev-ow-2"
    (name.folder / "pseudonyms.key").write_text("x" * 32)
    assert Decoding(load_config(name.folder / "gateway.toml").naming).decode_again(str(TOPIC), senml(speed=1), NOW)[0][
        0
    ].device not in {got.device, "osmand-somchai"}


def test_bytes_of_a_gateway_that_hides_ids_are_not_decoded_without_its_key(name: Name) -> None:
    hiding = name('[pseudonyms]\nkey_file = "pseudonyms.key"\ndevices = ["urn-*"]')
    came = Origin("http", "mapped", {"mapping": "gone"})
    _, (kept,) = hiding.decode(came, b"{}", NOW)
    with pytest.raises(Malformed, match="pseudonyms"):
        Decoding().decode_again(kept.origin, b"{}", NOW)
    with pytest.raises(Malformed) as still:
        hiding.decode_again(kept.origin, b"{}", NOW)
    assert "pseudonyms" not in still.value.detail
    _, (plain,) = Decoding().decode(came, b"{}", NOW)
    assert plain.origin == str(came)


def test_a_personal_source_is_listed_under_its_pseudonym(name: Name) -> None:
    text = '[pseudonyms]\nkey_file = "pseudonyms.key"\ndevices = ["urn-*"]'
    nothing_left = '\n[sources.urn-dev-ow-1]\ndrop = ["speed"]'
    for decoding in (name(text), name(text + nothing_left)):
        heard(decoding, senml(speed=3))
        (source,) = decoding.sources.all()
        assert source.id == source.device
        assert source.device.startswith("p-")
        assert source.state == "mapped", "nobody can name what is hidden"


def test_a_link_and_a_redrive_give_the_same(name: Name) -> None:
    decoding = name('[sources.urn-dev-ow-1]\ndevice = "w-1"')
    _, (kept,) = decoding.decode(TOPIC, b"garbage", NOW)
    assert decoding.failures == {kept.reason: 1}
    assert decoding.decode_again(kept.origin, senml(speed=3), NOW)[0][0].device == "w-1"


def test_what_a_rename_makes_impossible_is_not_understood(name: Name) -> None:
    decoding = name('[sources.urn-dev-ow-1.quantities]\nt = { quantity = "energy", unit = "J" }')
    assert heard(decoding, senml(t=3_600_000))[0].values == {"energy": 1}
    decoding = name('[sources.urn-dev-ow-1.quantities]\nt = { quantity = "o3", unit = "[ppm]" }')
    _, undecoded = decoding.decode(TOPIC, senml(t=1.7e308), NOW)
    assert [kept.reason for kept in undecoded] == ["not_finite"]


def test_names_that_say_nothing_cost_next_to_nothing() -> None:
    naming, reading = Naming(), Reading("a", "weather", NOW, {"temperature": 1.0})
    began_s = time.thread_time()
    for _ in range(20_000):
        assert naming.name(reading, naming.rule(reading.device, None)) is reading
    assert (time.thread_time() - began_s) / 20_000 < 5e-6

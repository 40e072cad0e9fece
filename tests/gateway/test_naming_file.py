"""A `gateway.toml` that is wrong is refused with a sentence that names the key."""

from pathlib import Path

import pytest

from city.errors import ConfigurationError
from gateway.config import find_config, load_config
from gateway.naming import Decoding, tables
from gateway.settings import GatewaySettings

NOW_NS = 1_764_900_000 * 10**9

WRONG = {
    'colour = "red"': "colour",
    "[sources.a]\ncolour = 1": "sources.a has no key 'colour'",
    '[sources.a]\nkind = "toaster"': "sources.a.kind: the catalog has no kind 'toaster'",
    '[sources.a]\ndevice = "Pump 7"': "'Pump 7' is not a well-formed id",
    '[sources."Pump 7"]': "sources.\"Pump 7\": 'Pump 7' is not a well-formed id",
    '[sources.a]\ncodec = "morse"': "sources.a.codec: there is no device codec 'morse'",
    "[sources.a]\nlat = 14.9": "lat and lon come together",
    "[sources.a]\nlat = 140.9\nlon = 1.0": "140.9",
    '[sources.a]\nlat = "north"\nlon = 1.0': "sources.a.lat: it must be",
    '[sources.a]\ndrop = "all"': "sources.a.drop: it is",
    '[sources.a]\ndrop = "rest"': "keeps nothing",
    '[sources.a]\ndrop = ["x"]\n[sources.a.quantities]\nx = "y"': "drop and quantities both name 'x'",
    '[sources.a.quantities]\nx = "y"\nz = "y"': "two of them become 'y'",
    '[sources.a.quantities]\nx = "lat"': "quantities.x: 'lat' can't name a quantity",
    '[sources.a.quantities]\n"X Y" = "co2"': "'X Y' can't name a quantity",
    '[sources.a.quantities]\nx = { quantity = "co2", unit = "Cel" }': "quantities.x: Cel (temperature) is no [ppm]",
    '[sources.a.quantities]\nx = { quantity = "co2", unit = "spoon" }': "quantities.x: no unit 'spoon'",
    '[sources.a.quantities]\nx = { quantity = "y", unit = "Cel" }': "the catalog has no quantity 'y'",
    '[sources.a.quantities]\nx = { quantity = "co2", scale = 2 }': "sources.a.quantities.x has no key 'scale'",
    '[sources."a/+"]\ndevice = "x"': 'sources."a/+": device: many sources come this way',
    '[sources."http/senml"]\ndevice = "x"': 'sources."http/senml": device: many sources come this way',
    '[sources."poll/mapped"]\ndevice = "x"': 'sources."poll/mapped": device: many sources come this way',
    '[sources."a/#/b"]': "# is the last",
    '[sources."a/b+"]': "stand for whole levels",
    '[sources.a]\ndevice = "x"\n[sources.b]\ndevice = "x"': '[sources."b"] device: \'x\' is that of "a" already',
    '[sources.a]\ndevice = "b"\n[sources.b]\nkind = "rain"': "'b' is that of \"a\" already",
    '[mappings.m]\nvalues = { pm10 = "a" }\nkind = "toaster"': "mappings.m.kind: the catalog",
    "[sources.a]\nlat = 0\nlon = 0.0": "0, 0 is no position",
    "[mappings]\nm = 1": "mappings",
    '[pseudonyms]\nkey_file = "short.key"\ndevices = ["a*"]': "key_file: short.key has 3 bytes, at least 32",
    '[pseudonyms]\nkey_file = "none.key"\ndevices = ["a*"]': "none.key can't be read",
    '[pseudonyms]\nkey_file = "short.key"': "says of nothing that it is personal",
    '[pseudonyms]\ndevices = ["a"]': "key_file",
    "[sources": "gateway.toml is no TOML",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_file_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "short.key").write_text("abc")
    (tmp_path / "gateway.toml").write_text(text)
    with pytest.raises(ConfigurationError) as raised:
        load_config(tmp_path / "gateway.toml")
    assert WRONG[text] in str(raised.value)
    assert str(tmp_path) in str(raised.value)


def test_one_topic_may_be_one_device(tmp_path: Path) -> None:
    (tmp_path / "gateway.toml").write_text(
        '[sources."plant/7/air"]\ndevice = "aq-7"\n[sources."http/native"]\nkind = "rain"'
    )
    decode = Decoding(load_config(tmp_path / "gateway.toml").naming).decode_again
    payload = b'{"device": "x", "kind": "noise", "values": {"battery": 50}}'
    ((one,), _) = decode("mqtt:native?topic=plant/7/air", payload, NOW_NS)
    ((other,), _) = decode("mqtt:native?topic=plant/8/air", payload, NOW_NS)
    ((pushed,), _) = decode("http:native", payload, NOW_NS)
    assert [(each.device, each.kind) for each in (one, other, pushed)] == [
        ("aq-7", "noise"),
        ("x", "noise"),
        ("x", "rain"),
    ]


def test_two_sources_may_share_a_device_when_each_says_what_it_brings(tmp_path: Path) -> None:
    text = """
        [sources.{0}]
        device = "ws-1"
        kind = "weather"
        drop = "rest"
        [sources.{0}.quantities]
        {1} = "{1}"
    """
    written = tmp_path / "gateway.toml"
    written.write_text(text.format("a", "wind_speed") + text.format("b", "rain_rate"))
    load_config(written)
    written.write_text(text.format("a", "wind_speed") + text.format("b", "wind_speed"))
    with pytest.raises(ConfigurationError, match="different quantities"):
        load_config(written)
    written.write_text(text.format("a", "wind_speed") + text.format("b", "rain_rate").replace("weather", "rain"))
    with pytest.raises(ConfigurationError, match="another kind"):
        load_config(written)


def test_the_example_of_the_documentation_is_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.naming.tables.CODECS", {"elsys": None})
    text = (tables.__doc__ or "").split("```")[1].removeprefix("toml")
    text = text.replace("[mappings.stations]", '[mappings.stations]\nvalues = { pm10 = "dust" }')
    (tmp_path / "key").write_text("k" * 32)
    (tmp_path / "gateway.toml").write_text(text.replace("/etc/korat/pseudonyms.key", "key"))
    load_config(tmp_path / "gateway.toml")


def test_the_file_may_be_absent_unless_a_setting_names_it(tmp_path: Path) -> None:
    find_config(GatewaySettings(), tmp_path)
    with pytest.raises(ConfigurationError, match=r"names\.toml can't be read"):
        find_config(GatewaySettings(config_file=Path("names.toml")), tmp_path)
    for name, settings in (
        ("gateway.toml", GatewaySettings()),
        ("names.toml", GatewaySettings(config_file=Path("names.toml"))),
    ):
        (tmp_path / name).write_text("colour = 1")
        with pytest.raises(ConfigurationError, match="colour"):
            find_config(settings, tmp_path)

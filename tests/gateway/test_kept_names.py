"""After an upgrade, devices that are known keep their ids, and no two names have one."""

import json
from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from city.errors import ConfigurationError, Malformed
from city.names import MakeId, levels_of, made_id, told_apart
from gateway.decoders import Origin
from gateway.naming import Decoding, Naming
from gateway.naming.kept_names import begin, ids_of
from gateway.naming.old_names import old_id
from gateway.naming.pseudonyms import Pseudonyms
from gateway.naming.rules import Rule

NOW = 1_764_900_000 * 10**9


def upgraded(folder: Path, known: Collection[str] | None, naming: Naming | None = None) -> MakeId:
    """Give what makes ids in a folder where an older version left a spool."""
    (folder / "spool").touch()
    begin(folder / "names", folder / "spool", known)
    return ids_of(folder / "names", naming or Naming())


def test_a_new_gateway_keeps_nothing_and_stays_new(tmp_path: Path) -> None:
    begin(tmp_path / "names", tmp_path / "spool", [])
    (tmp_path / "spool").touch()
    begin(tmp_path / "names", tmp_path / "spool", ["truck-1"])
    assert ids_of(tmp_path / "names", Naming()) is made_id


def test_a_city_that_knows_devices_was_upgraded_even_if_the_spool_is_lost(tmp_path: Path) -> None:
    begin(tmp_path / "names", tmp_path / "spool", ["truck-1"])
    assert ids_of(tmp_path / "names", Naming())("TRUCK 1", "") == "truck-1"


@pytest.mark.parametrize("known", [None, ["truck-1", "tasmota-hall_a"]])
def test_the_first_name_keeps_the_id_and_the_others_get_their_own(tmp_path: Path, known: list[str] | None) -> None:
    ids = upgraded(tmp_path, known)
    names = ["TRUCK 1", "TRUCK-1", "truck/1", "truck-1"]
    first = [ids(name, "") for name in names]
    assert first == ["truck-1", made_id("TRUCK-1"), made_id("truck/1"), told_apart("truck-1")]
    assert len(set(first)) == len(names)
    assert ids(("Hall_A",), "tasmota-") == "tasmota-hall_a"
    again = ids_of(tmp_path / "names", Naming())
    assert [again(name, "") for name in reversed(names)] == first[::-1], "as before, in whatever order they come"


def test_what_is_not_known_is_named_by_the_rule_of_today(tmp_path: Path) -> None:
    ids = upgraded(tmp_path, ["truck-1"])
    assert ids("TRUCK 2", "") == made_id("TRUCK 2")
    assert ids("truck-2", "") == "truck-2"


def test_what_would_be_named_otherwise_is_printed_once(tmp_path: Path) -> None:
    with capture_logs() as logs:
        ids = upgraded(tmp_path, ["truck-1", "bus-1"])
        for name in ("TRUCK 1", "TRUCK 1", "bus-1", "TRUCK 2"):
            ids(name, "")
        assert ids_of(tmp_path / "names", Naming())("TRUCK 1", "") == "truck-1"
    assert [(log["name"], log["device"], log["today"]) for log in logs] == [
        ("TRUCK 1", "truck-1", made_id("TRUCK 1")),
    ]


def test_a_source_of_the_settings_is_known_under_the_id_that_they_name(tmp_path: Path) -> None:
    naming = Naming({"osmand-truck-12": Rule(device="lorry-1")})
    ids = upgraded(tmp_path, ["lorry-1"], naming)
    origin = Origin("http", "osmand", {})
    body = b"id=TRUCK+12&lat=14.9&lon=102.1&timestamp=1764900000"
    readings, _ = Decoding(naming, ids=ids).decode(origin, body, NOW)
    assert [reading.device for reading in readings] == ["lorry-1"]


def test_a_personal_id_keeps_its_pseudonym_and_is_neither_printed_nor_written(tmp_path: Path) -> None:
    naming = Naming(pseudonyms=Pseudonyms(b"k" * 32, ["osmand-*"]))
    with capture_logs() as logs:
        ids = upgraded(tmp_path, [naming.displayed("osmand-somchai")], naming)
        assert ids("Somchai", "osmand-") == "osmand-somchai"
    assert not logs
    assert "omchai" not in (tmp_path / "names").read_text()


def test_a_line_that_a_crash_cut_costs_no_other(tmp_path: Path) -> None:
    upgraded(tmp_path, ["truck-1", "bus-1"])("TRUCK 1", "")
    with (tmp_path / "names").open("a") as file:
        file.write('{"id": "bu')
    ids = ids_of(tmp_path / "names", Naming())
    assert (ids("TRUCK-1", ""), ids("TRUCK 1", "")) == (made_id("TRUCK-1"), "truck-1")


def test_ingest_follows_what_the_gateway_gave_since(tmp_path: Path) -> None:
    gateway = upgraded(tmp_path, ["truck-1"])
    ingest = ids_of(tmp_path / "names", Naming())
    gateway("TRUCK-1", "")
    assert ingest("TRUCK 1", "") == made_id("TRUCK 1")
    assert ingest("TRUCK-1", "") == "truck-1"


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("something else\n")
    with pytest.raises(ConfigurationError, match="first line"):
        ids_of(tmp_path / "names", Naming())


@pytest.mark.parametrize(
    ("name", "prefix", "device"),
    [
        ("TRUCK 1", "", "truck-1"),
        ("ถัง 1", "", "1-f9f28e73"),
        (("hall", "wall.lamp"), "zigbee2mqtt-", "zigbee2mqtt-hall.wall.lamp-097b6dbe"),
        (("hall.wall",), "zigbee2mqtt-", "zigbee2mqtt-hall.wall-6293df08"),
        ("47t", "pcd-", "pcd-47t"),
        ("Korat-1", "ngsi-weatherobserved-", "ngsi-weatherobserved-korat-1"),
        ("WeatherObserved-Korat-1", "ngsi-weatherobserved-", "ngsi-weatherobserved-korat-1"),
        ("Plant 1", "sparkplug-", "sparkplug-plant-1"),
        ("สถานี", "st-", "st-52db6d99"),
    ],
)
def test_the_ids_of_the_old_rule(name: str, prefix: str, device: str) -> None:
    assert old_id(name, prefix) == device


_NAMES = st.text("aA1 -_.:/ก", min_size=1, max_size=4).filter(lambda name: bool(name.strip()))


@settings(max_examples=50, deadline=None)
@given(names=st.lists(_NAMES, max_size=12), told=st.booleans())
def test_names_never_meet_after_an_upgrade(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], *, told: bool
) -> None:
    known = set()
    for name in names[::2]:
        try:
            known.add(old_id(name, ""))
        except Malformed:
            continue
    ids = upgraded(tmp_path_factory.mktemp("names"), known if told else None)
    made: dict[str, tuple[str, ...]] = {}
    for name in names:
        assert made.setdefault(ids(name, ""), levels_of(name)) == levels_of(name)


def test_the_file_says_what_was_known(tmp_path: Path) -> None:
    upgraded(tmp_path, {"b", "a"})
    assert json.loads((tmp_path / "names").read_text()) == {"known": ["a", "b"]}

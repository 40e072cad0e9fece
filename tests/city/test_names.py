"""No two names of the field have one id, and no two spellings of one name have two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from city.errors import Malformed
from city.names import Name, levels_of, made_id, same_name, told_apart
from city.reading import ID_PATTERN

_ODD = "aAxX01 -_./:\\#+\u0e16\u0e31\u0e4d\u0e32\u0e33\u0e49é\u212a\x00'\"%"
_CRAFTED = [
    "urn:a:b",
    "urn-a-b",
    "urn:a-b",
    "x0123456789ab",
    "a-x0123456789ab",
    "URN:A:B",
    "urn:",
    "urn:a:x0123456789ab",
]


@st.composite
def _names(draw: st.DrawFn) -> str:
    """Draw a name: odd letters, one with a mark like ours, or the id of such a name."""
    name = draw(st.one_of(st.text(_ODD, min_size=1, max_size=5), st.sampled_from(_CRAFTED), st.text(max_size=80)))
    for _ in range(draw(st.integers(0, 2))):
        if any(levels_of(name)):
            name = draw(st.sampled_from([made_id, told_apart]))(name)
    return name


@given(st.lists(_names(), min_size=2, max_size=6), st.sampled_from(["", "tasmota-"]))
def test_two_names_never_become_one_device(names: list[str], prefix: str) -> None:
    distinct = {same_name(name) for name in names if same_name(name)}
    made = {made_id(name, prefix) for name in distinct}
    assert len(made) == len({levels_of(name) for name in distinct})
    assert all(ID_PATTERN.fullmatch(device) for device in made)


_LEVELS = st.lists(st.text(_ODD, min_size=1, max_size=3), min_size=1, max_size=3).map(tuple)


@given(st.lists(_LEVELS, min_size=2, max_size=6))
def test_levels_never_meet(names: list[Name]) -> None:
    distinct = {levels_of(name) for name in names if any(levels_of(name))}
    assert len({made_id(name, "sparkplug-") for name in distinct}) == len(distinct)


@given(_names().filter(lambda name: bool(same_name(name))))
def test_a_spelling_makes_no_other_device(name: str) -> None:
    assert made_id(f" {name}\t") == made_id(name) == made_id(same_name(name))


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("truck-1", "truck-1"),
        ("TRUCK 1", "truck-1-x1ebec3e83d44"),
        ("urn:dev:ow:10e2073a01080063", "urn-dev-ow-10e2073a01080063"),
        (("plant", "pump-1"), "plant.pump-1"),
        (("a.b", "c"), "a.b.c-x"),
        ("AA:BB:CC:DD:EE:FF", made_id("aa:bb:cc:dd:ee:ff")),
        ("a" * 64, "a" * 64),
        ("-a", "a-x"),
        ("ถัง", "x"),
    ],
)
def test_the_id_of_a_name(name: Name, device: str) -> None:
    made = made_id(name)
    assert made == device if not device.endswith("x") else made[:-12] == device


@pytest.mark.parametrize("names", [("TRUCK 1", "TRUCK-1", "truck/1", "truck-1", "Truck 1", "truck_1", "truck 1")])
def test_case_blanks_and_punctuation_tell_devices_apart(names: tuple[str, ...]) -> None:
    assert len({made_id(name) for name in names}) == len(names)


def test_a_name_that_looks_like_a_made_one_gets_digits_of_its_own() -> None:
    made = made_id("TRUCK 1")
    assert made_id(made) not in {made, "truck-1"}
    assert made_id("urn-dev-ow-1") != made_id("urn:dev:ow:1")


@pytest.mark.parametrize("name", ["a" * 65, "A" * 300, "ก" * 100_000])
def test_a_name_that_is_too_long_is_cut_and_told_apart(name: str) -> None:
    assert made_id(name) != made_id(f"{name}1")
    assert ID_PATTERN.fullmatch(made_id(name, "osmand-"))


@pytest.mark.parametrize("name", ["", "  ", ("", "")])
def test_blanks_name_no_device(name: Name) -> None:
    with pytest.raises(Malformed):
        made_id(name)

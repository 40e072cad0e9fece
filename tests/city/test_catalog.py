"""The catalog's rows agree with each other and with the rules for keys."""

import pytest

from city.catalog import KINDS, QUANTITIES, Workstream
from city.reading import checked_quantity
from city.units import UNITS

STORED = {
    Workstream.SMART_CITY: (
        "air_quality weather water_level rain traffic noise parking street_light ev_charger waste_bin energy_meter "
        "crowd mapping_robot sensor platform"
    ),
    Workstream.LOGISTIC_HUB: "vehicle cargo dock container",
}
"""Kinds of which a city may have readings; a new kind needs no entry."""


@pytest.mark.parametrize("workstream", Workstream)
def test_a_kind_that_may_be_stored_keeps_its_name_and_workstream(workstream: Workstream) -> None:
    assert {key for key, kind in KINDS.items() if kind.workstream is workstream} >= set(STORED[workstream].split())


def test_kinds_measure_only_known_quantities() -> None:
    assert {key for kind in KINDS.values() for key in kind.quantities} <= QUANTITIES.keys()


@pytest.mark.parametrize("key", QUANTITIES)
def test_a_quantity_is_complete(key: str) -> None:
    row = QUANTITIES[checked_quantity(key)]
    assert row.low < row.high
    assert row.unit in UNITS
    assert row.en
    assert any("\u0e00" <= letter <= "\u0e7f" for letter in row.th)
    assert row.grafana

"""What becomes of a reading is listed once."""

import re
from pathlib import Path

from api.routes.ledger import Sums
from city.catalog import KINDS, PLATFORM, QUANTITIES
from city.database.tables import hourly
from city.outcomes import COUNTED, OUTCOMES, Counts

ROOT = Path(__file__).resolve().parents[2]


def test_a_balance_is_the_sum_of_all_outcomes() -> None:
    assert Counts(15, 4, 3, 2, 1, 5).is_balanced()
    assert not any(Counts(**{name: 1}).is_balanced() for name in COUNTED)


def test_api_tables_and_catalog_count_the_same() -> None:
    assert Sums.__struct_fields__ == (*COUNTED, "pending", "gaps")
    assert [column.name for column in hourly.columns if column.name in COUNTED] == list(COUNTED)
    quantities = [f"readings_{name}" for name in COUNTED]
    assert [key for key in KINDS[PLATFORM].quantities if key in quantities] == quantities
    assert QUANTITIES.keys() >= set(quantities)


def test_no_other_file_lists_them() -> None:
    listed = re.compile(r"\W+".join(f'"{name}"' for name in OUTCOMES))
    rooms = ("city", "gateway", "ingest", "api", "simulators", "dashboards", "korat")
    files = [file for room in rooms for file in (ROOT / room).rglob("*.[pj][ys]")]
    assert files
    assert [str(file) for file in files if listed.search(file.read_text("utf-8"))] == []

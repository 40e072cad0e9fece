"""A data folder that the version before left behind, with a full spool and a ledger, is taken over and balances."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from own_platform import Platform, until

_OLD = Path(__file__).resolve().parents[1] / "version_1"


def test_a_spool_and_a_ledger_of_the_version_before_are_drained_and_balanced(platform: Platform) -> None:
    shutil.copy(_OLD / "spool.sqlite", platform.folder / "gateway.spool")
    with closing(sqlite3.connect(platform.folder / "ledger.sqlite")) as ledger:
        ledger.executescript((_OLD / "ledger.sqlite.sql").read_text())
    with platform.up(KORAT_GATEWAY_ID="gw-test"):
        # the spool's first pack is settled already; the others bring eight readings and one undecoded payload
        until(lambda: (ledger := platform.get("/v1/ledger"))["stored"] == 8 and ledger["pending"] == 0)
        now = platform.get("/v1/ledger")
        then = platform.get("/v1/ledger?start=2025-11-01T00:00:00Z&end=2025-12-01T00:00:00Z")
    assert (now["quarantined"], now["rejected"], now["gaps"]) == (1, 0, 0)
    assert now["duplicate"] >= 4, "the first pack came again"
    outcomes = ("received", "stored", "duplicate", "quarantined", "rejected", "merged")
    assert [then[outcome] for outcome in outcomes] == [11, 7, 2, 1, 1, 0], "as the version before counted"
    assert now["balanced"]
    assert then["balanced"]

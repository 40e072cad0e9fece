"""A data folder that the version before left behind, with a full spool and a ledger, is taken over and balances."""

import http.client
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from own_platform import Platform, until

from city.names import made_id

_OLD = Path(__file__).resolve().parents[1] / "version_1"


def test_a_spool_and_a_ledger_of_the_version_before_are_drained_and_balanced(platform: Platform) -> None:
    take_over(platform)
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


def test_a_device_that_the_registry_knows_keeps_its_id_and_other_names_get_their_own(platform: Platform) -> None:
    take_over(platform)
    names = ["DEV-2", "Dev-2", "dev/2", "DEV-3"]
    expected = {"dev-2", *(made_id(name) for name in names[1:])}
    for _ in range(2):  # and after a restart, in whatever order they come
        with platform.up(KORAT_GATEWAY_ID="gw-test"):
            heard = {named_device(platform.gateway, name) for name in names}
        assert heard == expected
        names.reverse()
    (log,) = platform.folder.glob("*.log")
    printed = [line for line in log.read_text().splitlines() if "named otherwise today" in line]
    assert len(printed) == 1
    assert "DEV-2" in printed[0]
    assert made_id("DEV-2") in printed[0]


def take_over(platform: Platform) -> None:
    shutil.copy(_OLD / "spool.sqlite", platform.folder / "gateway.spool")
    with closing(sqlite3.connect(platform.folder / "ledger.sqlite")) as ledger:
        ledger.executescript((_OLD / "ledger.sqlite.sql").read_text())


def named_device(port: int, name: str) -> str:
    """Hand in a reading under a name, and give the device that it became."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as link:
        link.request("POST", "/ingest/senml", json.dumps([{"n": f"{name}:temp", "u": "Cel", "v": 20}]))
        answer = link.getresponse()
        assert answer.status == http.client.ACCEPTED, answer.read()
        answer.read()
        link.request("GET", "/sources")
        newest: dict[str, str] = json.load(link.getresponse())["sources"][0]
    return newest["device"]

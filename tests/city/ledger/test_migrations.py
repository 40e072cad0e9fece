"""A ledger that the version before wrote is migrated when it is opened, and balances as before."""

import asyncio
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, inspect

from city.database import migrations
from city.errors import Reason
from city.ledger import Ledger, open_ledger
from city.ledger.port import Account, By, NewDevice, PackClaim, PackId, Settlement, Source
from city.outcomes import Counts
from city.registry import open_registry
from city.wire import receipt

_OLD = Path(__file__).resolve().parents[2] / "version_1"
_SPOOL = receipt.decode((_OLD / "receipt.json").read_bytes()).spool
_LATER_NS = 1_763_880_000 * 10**9
_TOTAL = Account("", Counts(11, 7, 2, 1, 1), pending=13)
"""What the version before answered."""


@pytest.fixture
def old_url(new_url: str) -> str:
    """Give the address of a ledger, of each sort, that the version before wrote."""
    if new_url.startswith("sqlite"):
        with closing(sqlite3.connect(new_url.removeprefix("sqlite:///"))) as file:
            file.executescript((_OLD / "ledger.sqlite.sql").read_text())
    else:
        change(new_url, (_OLD / "ledger.postgresql.sql").read_text())
    return new_url


def change(url: str, *statements: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


def tables(url: str) -> dict[str, Any]:
    """What tells one set of tables from another; a primary key keeps its old name in PostgreSQL."""
    engine = create_engine(url)
    found = inspect(engine)
    shape = {
        name: {
            "columns": [(c["name"], repr(c["type"]), c["nullable"]) for c in found.get_columns(name)],
            "key": found.get_pk_constraint(name)["constrained_columns"],
            "indexes": sorted((i["name"], i["column_names"], i["unique"]) for i in found.get_indexes(name)),
            "options": found.get_table_options(name),
        }
        for name in found.get_table_names()
    }
    engine.dispose()
    return shape


async def total(ledger: Ledger) -> Account:
    (found,) = await ledger.account(0, 2**62, By.TOTAL)
    return found


async def test_a_ledger_of_the_version_before_is_balanced_and_goes_on(old_url: str) -> None:
    ledger = await open_ledger(old_url)
    assert await total(ledger) == _TOTAL
    assert sum(row.entry.readings for row in await ledger.journal(after=0)) == _TOTAL.counts.stored
    assert [row.quarantined.reason for row in await ledger.quarantine()] == [Reason.NOT_UTF8, Reason.STORE_REFUSED]
    (gateway,) = await ledger.gateways()
    assert (gateway.gateway, gateway.spool, gateway.pending) == ("gw-test", _SPOOL, 13)
    dedup = await ledger.refresh()
    assert dedup.has_pack(PackId("gw-test", _SPOOL, 1))
    assert all(dedup.has_fingerprint(mark) for mark in (7, 8, 9, 10, 11))
    # the third pack of the old spool comes before its second, and an hour later, so that all counts move
    settlement = Settlement(_LATER_NS, [PackClaim(PackId("gw-test", _SPOOL, 3), 9, 4)])
    settlement.counts[Source("gw-test", "dev-1")] = Counts(4, 4)
    await ledger.settle(settlement)
    assert await total(ledger) == Account("", Counts(15, 11, 2, 1, 1), pending=13, gaps=5)
    await ledger.aclose()


async def test_migrated_tables_are_those_of_a_new_ledger(old_url: str, tmp_path: Path, request: Any) -> None:
    await (await open_ledger(old_url)).aclose()
    if old_url.startswith("sqlite"):
        fresh = f"sqlite:///{tmp_path}/fresh.db"
    else:
        server = request.getfixturevalue("postgres")
        server.create_database("fresh")
        fresh = server.database_url("fresh")
    await (await open_ledger(fresh)).aclose()
    assert tables(old_url) == tables(fresh)


async def test_tables_of_the_first_version_are_migrated_once_by_many_who_start_together(old_url: str) -> None:
    change(
        old_url,
        "DROP TABLE device_kind",
        "DELETE FROM device WHERE device = 'dev-9'",
        "UPDATE schema_version SET version = 1",
    )
    both = await asyncio.gather(open_ledger(old_url), open_ledger(old_url), open_registry(old_url))
    ledger, other, registry = both
    assert (await registry.changes()).kinds == {("dev-1", "weather"), ("dev-2", "weather")}
    await ledger.settle(Settlement(_LATER_NS, devices=[NewDevice("dev-1", "cargo", "th-30", "gw-test", 2)]))
    device = await registry.device("dev-1")
    assert device is not None
    assert (device.kind, device.kinds) == ("weather", ("cargo", "weather"))
    for opened in (ledger, other, registry):
        await opened.aclose()


async def test_a_migration_that_fails_changes_nothing(old_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    was, migrate = tables(old_url), migrations.migrate

    def fail(connection: Connection, version: int) -> None:
        migrate(connection, version)
        raise RuntimeError("the power went")

    monkeypatch.setattr(migrations, "migrate", fail)
    with pytest.raises(RuntimeError, match="the power went"):
        await open_ledger(old_url)
    assert tables(old_url) == was
    monkeypatch.undo()
    ledger = await open_ledger(old_url)
    assert await total(ledger) == _TOTAL
    await ledger.aclose()


def test_a_start_that_finds_its_tables_up_to_date_does_not_pay_for_alembic(tmp_path: Path) -> None:
    code = (
        "import asyncio, sys; from city.ledger import open_ledger; "
        "asyncio.run(open_ledger(sys.argv[1])); sys.exit('alembic' in sys.modules)"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code, f"sqlite:///{tmp_path}/ledger.db"], check=True)

"""The database goes away and comes back; nothing is half done, nothing is forgotten."""

import sqlite3
from pathlib import Path

import pytest

from city.database import engine as engines
from city.errors import LedgerUnavailable
from city.ledger import open_ledger
from city.ledger.port import By, GatewayRow, PackClaim, PackId, Settlement, Source
from city.outcomes import Counts
from city.registry import open_registry
from support.postgres import Postgres


def flush(seq: int) -> Settlement:
    settlement = Settlement(1, packs=[PackClaim(PackId("gw", "b", seq), 0, 1)], fingerprints=[seq])
    settlement.counts[Source("gw", "d")] = Counts(1, 1)
    return settlement


async def test_work_goes_on_when_postgresql_is_back(postgres: Postgres, postgres_database: str) -> None:
    ledger, registry = await open_ledger(postgres_database), await open_registry(postgres_database)
    await ledger.settle(flush(1))
    status = GatewayRow("gw", "th-30", online=True, spool="b", pending=0, packs=0, spool_bytes=0, at_ns=1)
    postgres.kill()
    for call in (
        lambda: ledger.settle(flush(2)),
        ledger.refresh,
        lambda: ledger.note_status(status),
        lambda: ledger.account(0, 9, By.TOTAL),
        ledger.quarantine,
        ledger.gateways,
        lambda: ledger.request_redrive(None, None),
        ledger.ping,
        registry.changes,
        registry.devices,
    ):
        with pytest.raises(LedgerUnavailable):
            await call()
    postgres.start()
    await ledger.ping()
    dedup = await ledger.refresh()
    assert dedup.has_pack(PackId("gw", "b", 1))
    assert dedup.has_fingerprint(1)
    assert not dedup.has_pack(PackId("gw", "b", 2))
    await ledger.settle(flush(2))
    (account,) = await ledger.account(0, 9, By.TOTAL)
    assert account.counts == Counts(2, 2)
    assert await registry.changes() == ({}, set(), 0, frozenset())
    await ledger.aclose()
    await registry.aclose()


async def test_connections_that_died_unused_are_replaced(postgres: Postgres, postgres_database: str) -> None:
    ledger = await open_ledger(postgres_database)
    await ledger.settle(flush(1))
    postgres.kill()
    postgres.start()
    await ledger.settle(flush(2))
    await ledger.aclose()


async def test_a_sqlite_file_that_another_process_holds_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "BUSY_S", 0.1)
    path = tmp_path / "ledger.db"
    ledger = await open_ledger(f"sqlite:///{path}")
    await ledger.settle(flush(1))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(LedgerUnavailable, match=r"ledger.db: database is locked"):
        await ledger.settle(flush(2))
    assert (await ledger.refresh()).has_fingerprint(1)
    (account,) = await ledger.account(0, 9, By.TOTAL)
    assert account.counts == Counts(1, 1)
    other.execute("rollback")
    other.close()
    await ledger.settle(flush(2))
    await ledger.aclose()

"""A ledger opens, is made, or is refused with a sentence; it never starts afresh over what was there."""

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from city.errors import Broken, ConfigurationError, LedgerUnavailable
from city.ledger import Ledger, open_ledger
from city.ledger.port import By, Settlement, Source
from city.ledger.sql_ledger import SqlLedger
from city.outcomes import Counts
from city.registry import open_registry
from support.ports import free_port


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "not a URL"),
        ("ledger.db", "not a URL"),
        ("mysql://host/name", "no ledger speaks 'mysql'"),
        ("sqlite+aiosqlite:///x.db", "no ledger speaks"),
        ("postgresql+asyncpg://host/name", "no ledger speaks"),
        ("postgresql://host", "names no database"),
        ("sqlite://", "must outlive the process"),
        ("sqlite:///:memory:", "must outlive the process"),
        ("sqlite:////proc/no/such/place.db", "/proc/no/such/place.db can't be made"),
    ],
)
async def test_a_url_that_names_no_ledger_is_refused(url: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        await open_ledger(url)


async def settled(ledger: Ledger) -> None:
    settlement = Settlement(1)
    settlement.counts[Source("", "d")] = Counts(1, 1)
    await ledger.settle(settlement)


async def test_many_workers_start_at_once(new_url: str) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(open_ledger(new_url)) for _ in range(8)]
    ledgers = [task.result() for task in tasks]
    for ledger in ledgers:
        await settled(ledger)
    (account,) = await ledgers[0].account(0, 9, By.TOTAL)
    assert account.counts == Counts(8, 8)
    for ledger in ledgers:
        await ledger.aclose()


async def test_a_short_postgresql_url_is_understood(postgres_database: str) -> None:
    ledger = await open_ledger(postgres_database.replace("postgresql+psycopg://", "postgresql://"))
    await settled(ledger)
    await ledger.aclose()


async def test_a_new_file_is_all_that_is_left_in_its_folder(tmp_path: Path) -> None:
    ledger = await open_ledger(f"sqlite:///{tmp_path}/var/ledger.db")
    await ledger.aclose()
    assert [file.name for file in (tmp_path / "var").iterdir()] == ["ledger.db"]


async def test_a_sqlite_ledger_is_durable_against_power_loss(tmp_path: Path) -> None:
    ledger = await open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    pragmas = {}
    assert isinstance(ledger, SqlLedger)
    with ledger._database.write() as connection:
        for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout"):
            pragmas[pragma] = connection.exec_driver_sql(f"pragma {pragma}").scalar_one()
    await ledger.aclose()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "is empty"), (b"garbage " * 1000, "is damaged: file is not a database"), (b"SQLite f", "is damaged")],
)
async def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    for opening in (open_ledger, open_registry):
        with pytest.raises(Broken, match=f"ledger.db {sentence}"):
            await opening(f"sqlite:///{path}")
    assert path.read_bytes() == content


async def test_a_torn_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger = await open_ledger(f"sqlite:///{path}")
    await settled(ledger)
    await ledger.aclose()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(Broken, match=r"ledger.db is damaged: database disk image is malformed"):
        await open_ledger(f"sqlite:///{path}")


async def test_a_file_that_is_gone_while_its_log_is_there_is_not_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    (tmp_path / "ledger.db-wal").write_bytes(b"some commits")
    with pytest.raises(Broken, match=r"ledger\.db is gone but ledger\.db-wal is there"):
        await open_ledger(f"sqlite:///{path}")
    assert not path.exists()


async def test_another_program_s_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    connection = sqlite3.connect(path)
    connection.execute("create table photo(id)")
    connection.close()
    before = path.stat().st_size
    with pytest.raises(Broken, match=r"photos\.db is a database, but no ledger"):
        await open_ledger(f"sqlite:///{path}")
    assert path.stat().st_size == before


async def test_tables_of_a_newer_version_are_refused(new_url: str) -> None:
    await (await open_ledger(new_url)).aclose()
    engine = create_engine(new_url)
    with engine.begin() as connection:
        connection.execute(text("update schema_version set version = 99"))
    engine.dispose()
    for opening in (open_ledger, open_registry):
        with pytest.raises(Broken, match=r"made by a newer Korat \(tables of version 99; this one knows 6\)"):
            await opening(new_url)


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(LedgerUnavailable, match="refused") as caught:
        await open_ledger(f"postgresql://korat:secret@127.0.0.1:{free_port()}/korat")
    assert caught.value.retry_after_s > 0
    assert "secret" not in str(caught.value)

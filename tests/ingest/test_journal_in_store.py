"""Whatever comes and whatever fails, also between two workers: every instant of the journal is in the store."""

import asyncio
import tempfile
import time
from itertools import count
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from typing_extensions import override

from city.ledger.port import By, Ledger
from city.store import open_store
from korat.audit import Scope, audit
from support.influx import Influx
from support.interleavings import CLOCKLESS, NOW_MS, City, NoWait, Step, direct, packed, steps
from support.postgres import Postgres

_numbers = count(1)


class Audited(City):
    """A city over a real store."""

    @override
    async def judge(self) -> None:
        ledger = (await self._hire()).faulty.ledger
        found = await audit(ledger, self.store, Scope())  # type: ignore[arg-type] # a store in the place of cells
        assert found.lost.count == 0, found.lost
        (total,) = await ledger.account(0, time.time_ns() + 3600 * 10**9, By.TOTAL)
        assert total.counts == self.model.counts
        assert found.rows == total.counts.stored == await journaled(ledger)
        # what was dated comes again with its time, and is committed then
        assert {device for _, device in found.uncommitted.devices} <= {CLOCKLESS}
        assert len(found.flushes) <= self.deaths

    deaths = 0

    @override
    async def _fail(self, step: Step, batch: list[object]) -> None:  # type: ignore[override] # of what, it need not know
        self.deaths += step.fault in {"killed", "frozen"}
        await super()._fail(step, batch)  # type: ignore[arg-type] # the same


async def journaled(ledger: Ledger) -> int:
    """Add up the journal's readings."""
    position, readings = 0, 0
    while rows := await ledger.journal(after=position):
        readings += sum(row.entry.readings for row in rows)
        position = rows[-1].id
    return readings


async def play(script: list[Step], store_url: str, ledger_url: str) -> None:
    store = await open_store(store_url)
    try:
        with patch("ingest.pipeline.Backoff", NoWait):
            await Audited(ledger_url, store=store).play(script)  # type: ignore[arg-type] # a store in the place of cells
    finally:
        await store.aclose()


def _in_files(script: list[Step]) -> None:
    with tempfile.TemporaryDirectory(prefix="korat-") as folder:
        asyncio.run(play(script, f"duckdb:///{folder}/readings.duckdb", f"sqlite:///{Path(folder) / 'ledger.sqlite'}"))


@pytest.mark.timeout(180)
@given(steps)
@settings(max_examples=25, deadline=None)
def test_the_journal_is_in_the_store_in_files(script: list[Step]) -> None:
    _in_files(script)


@pytest.mark.timeout(180)
@given(script=steps)
@settings(max_examples=4, deadline=None)
def test_the_journal_is_in_the_store_on_servers(influx: Influx, postgres: Postgres, script: list[Step]) -> None:
    name = f"journal_{next(_numbers)}"
    postgres.create_database(name)
    try:
        asyncio.run(play(script, influx.store_url(name), postgres.database_url(name)))
    finally:
        postgres.drop_database(name)
        influx.drop_database(name)


@pytest.mark.parametrize("moment", ["after the write", "before the commit"])
def test_two_workers_in_conflict_leave_nothing_out(moment: str) -> None:
    first = packed("g-0", [("d-0", NOW_MS, "rain_rate", 1.0)], 0, broken=False)
    second = direct([("d-0", NOW_MS, "rain_rate", 2.0), ("d-0", NOW_MS - 1000, "rain_rate", 3.0)], ahead=False)
    _in_files([Step([first, second], [], "frozen", moment), Step([second], [0], "none", "")])

"""What a PostgreSQL that is restored or replaced no longer knows is named; with the right replication it is nothing."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from city.errors import JournalGone, LedgerUnavailable
from city.ledger import Ledger, open_ledger
from city.ledger.port import By, JournalEntry, NewDevice, PackClaim, PackId, Settlement, Source
from city.ledger.retention import Gap
from city.outcomes import Counts
from city.registry import open_registry
from korat.explain import explanations
from support.postgres import Postgres

S = 10**9
NOW_NS = 1_764_900_000 * S
FOREVER = 2**62


def flush(seq: int) -> Settlement:
    """One pack of ten readings, of a device of its own."""
    settlement = Settlement(NOW_NS + seq * S, [PackClaim(PackId("gw", "s", seq), 10 * (seq - 1), 10)])
    settlement.counts[Source("gw", f"dev-{seq}")] = Counts(10, 10)
    settlement.journal = [JournalEntry("", 10, b"payload")]
    settlement.devices = [NewDevice(f"dev-{seq}", "weather", "th-30", "gw", NOW_NS)]
    return settlement


async def balance(ledger: Ledger) -> tuple[int, int, int]:
    """Readings stored by the counters, by the journal, and missing in gaps."""
    (account,) = await ledger.account(0, FOREVER, By.TOTAL)
    rows = await ledger.journal(after=0, limit=10_000)
    return account.counts.stored, sum(row.entry.readings for row in rows), account.gaps


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder that the server's own user can reach."""
    with tempfile.TemporaryDirectory(prefix="korat-failover-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


async def test_a_dump_under_load_is_restored_whole_and_the_rest_is_a_gap(
    postgres: Postgres, postgres_database: str, tmp_path: Path
) -> None:
    ledger = await open_ledger(postgres_database)
    ended = asyncio.Event()
    settled: list[int] = []

    async def settle() -> None:
        while not ended.is_set() or len(settled) < 20:
            await ledger.settle(flush(len(settled) + 1))
            settled.append(len(settled) + 1)

    load = asyncio.create_task(settle())
    while len(settled) < 10:
        await asyncio.sleep(0.01)
    old = postgres_database.rpartition("/")[2]
    await asyncio.to_thread(postgres.dump, old, tmp_path / "ledger.dump")
    before = len(settled)
    while len(settled) < before + 5:
        await asyncio.sleep(0.01)
    ended.set()
    await load
    old_epoch = (await ledger.journal_span()).epoch
    await ledger.aclose()

    new = f"{old}_restored"
    await asyncio.to_thread(postgres.create_database, new)
    await asyncio.to_thread(postgres.restore, new, tmp_path / "ledger.dump")
    ledger, registry = await open_ledger(postgres.database_url(new)), await open_registry(postgres.database_url(new))
    stored, journal, gaps = await balance(ledger)
    packs = stored // 10
    assert (journal, gaps) == (stored, 0)
    assert 10 <= packs <= before
    assert len(await registry.devices()) == packs
    await ledger.renew_epoch()
    with pytest.raises(JournalGone, match="epoch"):
        await ledger.journal(after=1, epoch=old_epoch)

    resent = len(settled) - 1  # the gateway still has the last pack but one, and makes a new one
    for seq in (resent, len(settled) + 1):
        await ledger.settle(flush(seq))
    named = await ledger.gaps()
    assert named[0][:5] == Gap("gw", "s", packs + 1, resent - 1, 10 * (resent - 1 - packs), 0, 0)[:5]
    assert [(gap.first, gap.last) for gap in named[1:]] == [(len(settled), len(settled))]
    stored, journal, gaps = await balance(ledger)
    assert stored == journal
    assert stored + gaps == 10 * (len(settled) + 1)
    await ledger.aclose()
    await registry.aclose()
    await asyncio.to_thread(postgres.drop_database, new)


async def test_an_asynchronous_standby_loses_commits_and_they_are_named(folder: Path) -> None:
    with Postgres(folder / "primary") as primary:
        ledger = await open_ledger(primary.url)
        for seq in (1, 2, 3):
            await ledger.settle(flush(seq))
        standby = primary.make_standby(folder / "standby", "standby")
        for seq in (4, 5, 6):
            await ledger.settle(flush(seq))  # acknowledged: the gateway gets receipts and forgets them
        epoch = (await ledger.journal_span()).epoch
        primary.kill()
        with pytest.raises(LedgerUnavailable):
            await ledger.refresh()
        # the standby takes over the primary's address, as a virtual address or a proxy would do it
        standby = Postgres(folder / "standby", port=primary.port)
        with standby:
            standby.promote()
            await _writable(ledger)
            dedup = await ledger.refresh()
            assert [dedup.has_pack(PackId("gw", "s", seq)) for seq in (3, 4, 5, 6)] == [True, False, False, False]
            assert (await ledger.journal_span()).epoch != epoch, "numbers of the journal name other entries now"
            await ledger.settle(flush(7))
            assert [gap[:5] for gap in await ledger.gaps()] == [("gw", "s", 4, 6, 30)]
            assert await balance(ledger) == (40, 40, 30)
            said = "\n".join(await explanations(ledger))
            assert "packs 4 to 6 of gw (spool s), 30 readings" in said
            assert "The ledger was put back at" in said
            await ledger.aclose()


async def test_with_synchronous_replication_nothing_is_acknowledged_that_the_standby_lacks(folder: Path) -> None:
    with Postgres(folder / "primary") as primary:
        ledger = await open_ledger(primary.url)
        await ledger.settle(flush(1))
        standby = primary.make_standby(folder / "standby", "standby")
        primary.run_sql("alter system set synchronous_standby_names = 'standby'")
        primary.run_sql("select pg_reload_conf()")
        with standby:
            await ledger.settle(flush(2))
            standby.kill()
            waiting = asyncio.create_task(ledger.settle(flush(3)))
            done, _ = await asyncio.wait([waiting], timeout=2)
            assert not done, "no receipt may be sent for what one machine alone knows"
            primary.kill()
            with pytest.raises(LedgerUnavailable):
                await waiting
        with Postgres(folder / "standby", port=primary.port) as standby:
            standby.promote()
            await _writable(ledger)
            dedup = await ledger.refresh()
            assert dedup.has_pack(PackId("gw", "s", 2))
            assert await ledger.restores() == []
            if not dedup.has_pack(PackId("gw", "s", 3)):
                await ledger.settle(flush(3))  # the gateway has no receipt and sends it again
            assert (await balance(ledger))[2] == 0
            await ledger.aclose()


async def _writable(ledger: Ledger) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                await ledger.follow("probe", 0, worker=False)
                return await ledger.unfollow("probe")
            except LedgerUnavailable:
                await asyncio.sleep(0.1)

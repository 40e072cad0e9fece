"""Workers as processes of their own: raced, and killed in the middle of settling."""

import asyncio
import os
import random
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from city.ledger import Ledger
from city.ledger.port import By
from city.outcomes import Counts

Opened = Callable[[], Awaitable[Ledger]]
Query = Callable[[str], list[tuple[Any, ...]]]

WORKER = Path(__file__).with_name("settle_many.py")
ROOT = Path(__file__).parents[3]


def start(url: str, name: str, flushes: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, WORKER, url, name, str(flushes)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
    )


async def check_books(ledger: Ledger, query: Query) -> int:
    """Compare what each table says of the same flushes; give how many packs are settled."""
    ids = [row[0] for row in query("select id from journal order by id")]
    assert ids == list(range(1, len(ids) + 1))
    packs = int(query("select coalesce(sum(last - first + 1), 0) from pack_range")[0][0])
    own = int(query("select coalesce(sum(last), 0) from pack_range where gateway <> 'shared'")[0][0])
    assert len(ids) == packs
    (account,) = await ledger.account(0, 2**62, By.TOTAL)
    assert account.counts == Counts(packs * 10 + own * 2, packs * 10 + own, 0, own)
    assert account.gaps == 0
    assert query("select count(*), coalesce(max(id), 0) from quarantine") == [(own, own)]
    assert query("select count(*) from device") == [(own,)]
    return packs


async def test_processes_that_race_settle_everything_once(url: str, opened: Opened, query: Query) -> None:
    names = ("worker-a", "worker-b")
    racing = [start(url, name, 500) for name in names]
    for process in racing:
        assert process.communicate(timeout=60)[0] == b"ready\n"
        assert process.returncode == 0
    ledger = await opened()
    assert await check_books(ledger, query) == 1500
    assert query("select gateway, first, last, first_offset, end_offset from pack_range order by gateway") == [
        (name, 1, 500, 0, 5000) for name in ("shared", *names)
    ]


async def test_a_kill_in_the_middle_leaves_all_of_a_flush_or_nothing(url: str, opened: Opened, query: Query) -> None:
    chance = random.Random(7)
    ledger = await opened()
    done = [0]
    for _ in range(3):
        with start(url, "worker", 100_000) as process:
            enough = done[-1] + chance.randint(1, 150)
            while query("select journal from sequences")[0][0] < enough:
                assert process.poll() is None
                await asyncio.sleep(0.003)
            process.kill()
        done.append(await check_books(ledger, query))
    assert done == sorted(set(done))
    (uncompacted,) = query("select count(*) from flush_counts")
    assert uncompacted[0] < done[-1]

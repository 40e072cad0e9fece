"""A spool that the version before wrote is drained, and goes on counting where it was."""

import shutil
from pathlib import Path

import msgspec
from fake_ingest import FakeIngest
from rig import Rig, until

_OLD = Path(__file__).resolve().parents[1] / "version_1" / "spool.sqlite"


async def test_an_old_spool_is_drained_and_goes_on_counting(rig: Rig, ingest: FakeIngest) -> None:
    shutil.copy(_OLD, rig.file)
    async with rig:
        await until(lambda: set(ingest.numbers()) == {1, 2, 3})
        await rig.accept(1, 2)
        await rig.emptied()
    found = {got.seq: (got.spool, got.offset, got.count()) for got in ingest.packs}
    spool = rig.spool.id
    assert found == {1: (spool, 0, 4), 2: (spool, 4, 5), 3: (spool, 9, 4), 4: (spool, 13, 2)}


async def test_a_receipt_from_ingest_of_the_version_before_ends_custody(rig: Rig, ingest: FakeIngest) -> None:
    shutil.copy(_OLD, rig.file)
    ingest.answers = False
    async with rig:
        await until(lambda: set(ingest.numbers()) == {1, 2, 3})
        ingest.say(msgspec.json.encode({"boot": rig.spool.id, "done": [[1, 3]], "at_ns": 1}))
        await rig.emptied()

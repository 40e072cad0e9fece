"""A spool that the version before wrote is opened and drained."""

import shutil
from pathlib import Path

from fake_ingest import FakeIngest
from rig import Rig, reading

from city.wire.pack import Undecoded

FILE = Path(__file__).parent / "fixtures" / "version-1.spool"
UNDECODED = Undecoded("http:native?device=a", b"\xff\x00", 7, "not_utf8", "why")


async def test_packs_of_an_old_spool_are_published_and_forgotten_with_their_receipts(
    rig: Rig, ingest: FakeIngest
) -> None:
    shutil.copy(FILE, rig.file)
    async with rig:
        assert (rig.spool.boot, rig.spool.last, rig.spool.taken) == ("960236699052149f", 8, 81)
        await rig.accept(80)
        await rig.emptied()
        assert rig.spool.oldest(0, 100) == []
    assert sorted(set(ingest.numbers())) == [3, 4, 5, 7, 8, 9]
    assert ingest.readings() == [reading(number) for number in (*range(20, 50), *range(60, 81))]
    assert {got.seq: got.before for got in ingest.packs} == {3: 20, 4: 30, 5: 41, 7: 61, 8: 71, 9: 81}
    assert [each for got in ingest.packs if got.seq == 4 for each in got.undecoded][:1] == [UNDECODED]
    assert {got.boot for got in ingest.packs} == {"960236699052149f"}

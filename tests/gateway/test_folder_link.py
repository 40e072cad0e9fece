"""The folder link: good lines are stored, bad ones are named, and no file is ever deleted."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rig import until
from stand_ins import FakeSpool

from city.errors import Full
from gateway.links.counters import LinkCounters
from gateway.links.csv_lines import MOST_LINE, CsvLines
from gateway.links.folder import FolderLink, FolderTable
from gateway.naming import Decoding, load_naming

NAMES = """
[mappings.works]
kind = "water_level"
device = "station"
device_prefix = "w-"
time = "time"
zone = "Asia/Bangkok"
missing = ["-"]

[mappings.works.values]
level = { path = "level (cm)", unit = "cm" }
flow = "flow"
"""
HEADER = "station,time,level (cm),flow\n"


def row(number: int, level: str = "150") -> str:
    return f"S{number % 7},2026-11-22 {number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d},{level},-\n"


class Drop:
    """A folder with its link's state."""

    def __init__(self, data: Path) -> None:
        (data / "gateway.toml").write_text(NAMES)
        self.decoding = Decoding(load_naming(data / "gateway.toml"))
        self.data = data
        self.folder = data / "drop"
        self.folder.mkdir()
        self.spool = FakeSpool()
        self.counters = LinkCounters("works")

    def put(self, name: str, *lines: str, header: str = HEADER) -> None:
        (self.folder / name).write_text(header + "".join(lines), "utf-8")

    @asynccontextmanager
    async def watched(self, **keys: object) -> AsyncIterator[None]:
        given = {"name": "works", "path": "drop", "parameters": {"mapping": "works"}, "interval_s": 0.05}
        table = FolderTable.model_validate(given | {"settle_s": 0.1} | keys)
        link = FolderLink(self.spool.accept, self.decoding.understand, table, self.data, self.counters)
        task = asyncio.create_task(link.run())
        try:
            yield
        finally:
            task.cancel()
            done, _ = await asyncio.wait((task,), timeout=1)
            assert done

    def files(self, where: str) -> list[str]:
        return sorted(path.name for path in (self.folder / where).iterdir())

    def text(self, name: str) -> str:
        return (self.folder / name).read_text("utf-8")


@pytest.fixture
def drop(tmp_path: Path) -> Drop:
    return Drop(tmp_path)


async def test_a_file_is_stored_and_moved_and_not_deleted(drop: Drop) -> None:
    drop.put("a.csv", *map(row, range(1_234)), "\n")
    drop.put(".hidden.csv", row(1))
    drop.put("b.csv.part", row(1))
    drop.put("notes.txt", row(1))
    async with drop.watched():
        await until(lambda: drop.files("done") == ["a.csv"])
    assert len(drop.spool.readings) == 1_234
    assert drop.spool.most == 500
    first = drop.spool.readings[0]
    assert (first.device, first.kind, first.values) == ("w-s0", "water_level", {"level": 1.5})
    assert first.time_ns == 1_795_280_400 * 10**9
    assert drop.text("done/a.csv").count("\n") == 1_236
    assert sorted(path.name for path in drop.folder.iterdir() if path.is_file()) == [
        ".hidden.csv",
        "b.csv.part",
        "notes.txt",
    ]


async def test_a_bad_line_is_named_and_costs_no_other(drop: Drop) -> None:
    lines = [row(number) for number in range(1_000)]
    lines[497] = row(497, "high")
    lines[700] = "S1,2026-11-22 01:00:00\n"
    lines[701] = 'S1,"2026-11-22 01:00:00,5,5\n'
    drop.put("a.csv", *lines)
    async with drop.watched():
        await until(lambda: "a.csv" in drop.files("done"))
    assert len(drop.spool.readings) == 997
    report = drop.text("done/a.csv.report.txt").splitlines()
    assert report[0] == "3 of 1000 lines could not be read and are in quarantine; the rest is stored."
    assert report[1] == "line 499: level is 'high', which is no number"
    assert report[2] == "line 702: 2 cells; the columns are 4"
    assert report[3].startswith("line 703: it is no CSV")
    kept = {item.detail.split(":")[0]: item for item in drop.spool.undecoded}
    assert set(kept) == {"a.csv, line 499", "a.csv, line 702", "a.csv, line 703"}
    assert kept["a.csv, line 702"].payload == lines[700].encode()
    assert kept["a.csv, line 499"].source == "folder:mapped?mapping=works&folder=works&file=a.csv&line=499"
    mended = kept["a.csv, line 499"].payload.replace(b"high", b"155")
    (again,) = drop.decoding.decode_origin(kept["a.csv, line 499"].source, mended, 0)
    assert (again.device, again.values) == ("w-s0", {"level": 1.55})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "line 1: nothing in it names the columns"),
        (b"\n" * 5, "line 1: nothing in it names the columns"),
        (b"a,a\n1,2\n", "line 1: two columns are called 'a'"),
        (HEADER.encode(), "no reading came of its 0 lines"),
        (b"a,b\n1,2\n3,4\n", "no reading came of its 2 lines"),
        ((HEADER + row(1, "x") + row(2, "y")).encode(), "level is 'x'"),
        ((HEADER + row(1)).encode("utf-16"), "line 1: it is not utf-8: byte 1"),
        (b"\x00" * 300_000, "line 1: it has more than 65536 bytes"),
    ],
)
async def test_a_file_of_which_nothing_comes_has_its_reason_beside_it(
    drop: Drop, content: bytes, sentence: str
) -> None:
    (drop.folder / "bad.csv").write_bytes(content)
    async with drop.watched():
        await until(lambda: drop.files("failed") == ["bad.csv", "bad.csv.reason.txt"])
    assert sentence in drop.text("failed/bad.csv.reason.txt")
    assert (drop.folder / "failed" / "bad.csv").read_bytes() == content
    assert drop.counters.failed["file"] == 1


async def test_a_file_is_given_up_after_so_many_bad_lines(drop: Drop) -> None:
    drop.put("a.csv", *(row(number) for number in range(500)), *("garbage\n" for _ in range(5_000)))
    async with drop.watched(most_bad=100):
        await until(lambda: "a.csv" in drop.files("failed"))
    assert drop.text("failed/a.csv.reason.txt").startswith("more than 100 lines are bad\n")
    assert len(drop.spool.readings) == 500
    assert len(drop.spool.undecoded) == 500
    assert drop.text("failed/a.csv.reason.txt").splitlines()[-1] == "..."


async def test_a_file_that_grows_waits_until_it_stands_still(drop: Drop) -> None:
    async with drop.watched(settle_s=0.4):
        drop.put("a.csv", row(0))
        for number in range(1, 8):
            await asyncio.sleep(0.1)
            with (drop.folder / "a.csv").open("a") as growing:
                growing.write(row(number))
            assert drop.spool.asked == 0
        await until(lambda: drop.files("done") == ["a.csv"])
    assert len(drop.spool.readings) == 8


async def test_a_file_that_changes_while_it_is_read_is_read_again(drop: Drop) -> None:
    drop.put("a.csv", row(0))
    drop.spool.gate.clear()
    async with drop.watched():
        await until(lambda: drop.spool.asked == 1)
        drop.put("a.csv", row(0), row(1))
        drop.spool.gate.set()
        await until(lambda: drop.files("done") == ["a.csv"])
    assert len({got.time_ns for got in drop.spool.readings}) == 2


async def test_while_the_spool_is_full_the_file_stays(drop: Drop) -> None:
    drop.put("a.csv", row(0))
    drop.spool.error = Full("the disk is full")
    async with drop.watched():
        await until(lambda: drop.counters.failed["spool"] >= 2)
        assert (drop.folder / "a.csv").exists()
        drop.spool.error = None
        await until(lambda: drop.files("done") == ["a.csv"])


async def test_what_was_interrupted_is_read_again_from_its_beginning(drop: Drop) -> None:
    drop.put("a.csv", *map(row, range(2_000)))
    async with drop.watched():
        await until(lambda: len(drop.spool.readings) >= 500)
        drop.spool.gate.clear()
    drop.spool.gate.set()
    async with drop.watched():
        await until(lambda: drop.files("done") == ["a.csv"])
    assert len({got.time_ns for got in drop.spool.readings}) == 2_000


async def test_a_name_that_comes_again_replaces_nothing(drop: Drop) -> None:
    async with drop.watched():
        for count in (1, 2, 3):
            drop.put("a.csv", *map(row, range(count)))
            await until(lambda count=count: len(drop.files("done")) == count)  # type: ignore[misc]
    assert drop.files("done") == ["a.csv", "a.csv.2", "a.csv.3"]
    assert drop.text("done/a.csv").count("\n") == 2


async def test_other_separators_encodings_and_names_of_columns(drop: Drop) -> None:
    (drop.folder / "a.csv").write_bytes('S1;2026-11-22 01:00:00;"15,5";ก\nS2;2026-11-22 01:00:00;5;-\n'.encode("cp874"))
    async with drop.watched(
        separator=";", encoding="cp874", columns=["station", "time", "flow", "level (cm)"], most_bad=9
    ):
        await until(lambda: "a.csv" in drop.files("done"))
    assert [got.values for got in drop.spool.readings] == [{"flow": 5.0}]
    assert "line 1: level is 'ก'" in drop.text("done/a.csv.report.txt")


def test_a_long_file_takes_little_memory(tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    with file.open("wb") as opened:
        opened.write(b"\xef\xbb\xbfa,b\n" + b"x" * (8 * 2**20) + b"\n")
        opened.writelines(b"%d,some text to fill the line\n" % number for number in range(20_000))
    tracemalloc.start()
    bad = rows = 0
    with CsvLines(file, (), ",", "utf-8") as lines:
        while taken := lines.take(500):
            rows += len(taken)
            bad += sum(row.error is not None for row in taken)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (rows, bad, taken) == (20_001, 1, [])
    assert most < 30 * MOST_LINE

"""The folder link: good lines are stored, bad ones are named, and no file is ever deleted."""

import asyncio
import errno
import os
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rig import until
from stand_ins import FakeSpool, context

import gateway.inputs.drop
from city.errors import SpoolFull
from city.tables import parse_table
from gateway.config import load_config
from gateway.inputs.csv_lines import MAX_LINE, CsvLines
from gateway.inputs.drop import Verdict
from gateway.inputs.folder import FolderInput, FolderTable
from gateway.inputs.input import InputCounters
from gateway.naming import Decoding

NAMES = """
[mappings.works]
kind = "water_level"
device = "station"
device_prefix = "w-"
time = { path = "time", zone = "Asia/Bangkok" }
missing = ["-"]

[mappings.works.values]
level = { path = "level (cm)", unit = "cm" }
flow = "flow"
"""
HEADER = "station,time,level (cm),flow\n"


def row(number: int, level: str = "150") -> str:
    return f"S{number % 7},2026-11-22 {number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d},{level},-\n"


class FileWatcher:
    """A folder with its link's state."""

    def __init__(self, data: Path, names: str = NAMES) -> None:
        (data / "gateway.toml").write_text(names)
        self.decoding = Decoding(load_config(data / "gateway.toml").naming)
        self.data = data
        self.folder = data / "drop"
        self.folder.mkdir()
        self.spool = FakeSpool()
        self.counters = InputCounters("works")

    def put(self, name: str, *lines: str, header: str = HEADER) -> None:
        (self.folder / name).write_text(header + "".join(lines), "utf-8")

    @asynccontextmanager
    async def watched(self, **keys: object) -> AsyncIterator[None]:
        given = {"name": "works", "path": "drop", "parameters": {"mapping": "works"}, "interval_s": 0.05}
        table = parse_table(FolderTable, given | {"settle_s": 0.1} | keys, "folder")
        parts = context(self.spool, decoding=self.decoding, data=self.data, counters=self.counters)
        link = FolderInput(table, parts)
        await link.open()
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
def drop(tmp_path: Path) -> FileWatcher:
    return FileWatcher(tmp_path)


async def test_a_file_is_stored_and_moved_and_not_deleted(drop: FileWatcher) -> None:
    drop.put("a.csv", *map(row, range(1_234)), "\n")
    drop.put("B.CSV", row(1))
    drop.put(".hidden.csv", row(1))
    drop.put("b.csv.part", row(1))
    drop.put("notes.txt", row(1))
    async with drop.watched():
        await until(lambda: drop.files("done") == ["B.CSV", "a.csv"])
    assert len(drop.spool.readings) == 1_235
    assert drop.spool.most == 500
    first = drop.spool.readings[0]
    assert (first.device, first.kind, first.values) == ("w-s0-xa93c498a2c73", "water_level", {"level": 1.5})
    assert first.time_ns == 1_795_280_400 * 10**9
    assert drop.text("done/a.csv").count("\n") == 1_236
    assert sorted(path.name for path in drop.folder.iterdir() if path.is_file()) == [
        ".hidden.csv",
        "b.csv.part",
        "notes.txt",
    ]


async def test_a_bad_line_is_named_and_costs_no_other(drop: FileWatcher) -> None:
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
    assert kept["a.csv, line 499"].origin == "folder:mapped?mapping=works&folder=works&file=a.csv&line=499"
    mended = kept["a.csv, line 499"].payload.replace(b"high", b"155")
    ((again,), _) = drop.decoding.decode_again(kept["a.csv, line 499"].origin, mended, 0)
    assert (again.device, again.values) == ("w-s0-xa93c498a2c73", {"level": 1.55})


async def test_lines_without_a_time_have_instants_of_their_own(tmp_path: Path) -> None:
    drop = FileWatcher(tmp_path, NAMES.replace('time = { path = "time", zone = "Asia/Bangkok" }\n', ""))
    drop.put("a.csv", *(f"S1,-,{level},-\n" for level in range(1_200)))
    async with drop.watched():
        await until(lambda: drop.files("done") == ["a.csv"])
    assert [one.values["level"] for one in drop.spool.readings] == [level / 100 for level in range(1_200)]
    times = [one.time_ns for one in drop.spool.readings]
    assert times == sorted(set(times))


async def test_lines_without_a_time_around_a_bad_one_stay_apart(tmp_path: Path) -> None:
    drop = FileWatcher(tmp_path, NAMES.replace('time = { path = "time", zone = "Asia/Bangkok" }\n', ""))
    drop.put("a.csv", *(f"S1,-,{'x' if level == 7 else level},-\n" for level in range(20)))
    async with drop.watched():
        await until(lambda: "a.csv" in drop.files("done"))
    assert len({one.time_ns for one in drop.spool.readings}) == 19


async def test_the_hour_that_comes_twice_is_kept_twice_or_its_lines_are_named(tmp_path: Path) -> None:
    drop = FileWatcher(tmp_path, NAMES.replace("Asia/Bangkok", "Europe/Berlin"))
    times = "01:30", "02:00", "02:30", "02:00", "02:30", "03:00"
    drop.put("both.csv", *(f"S1,2024-10-27 {at}:00,{level},-\n" for level, at in enumerate(times)))
    drop.put("once.csv", "S1,2024-10-27 02:15:00,7,-\n", "S1,2024-10-27 03:15:00,8,-\n")
    drop.put("spring.csv", "S1,2024-03-31 02:15:00,9,-\n", "S1,2024-03-31 03:15:00,10,-\n")
    async with drop.watched():
        await until(lambda: {"both.csv", "once.csv", "spring.csv"} <= {*drop.files("done")})
    both = [one for one in drop.spool.readings if one.values["level"] < 0.06]
    assert [(one.time_ns - both[0].time_ns) // (60 * 10**9) for one in both] == [0, 30, 60, 90, 120, 150]
    held = sorted(one.detail for one in drop.spool.undecoded)
    assert len(drop.spool.readings) == 8
    assert "once.csv, line 2: '2024-10-27 02:15:00' happens twice in Europe/Berlin" in held[0]
    assert "spring.csv, line 2: '2024-03-31 02:15:00' does not exist in Europe/Berlin" in held[1]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "line 1: nothing in it names the columns"),
        (b"\n" * 5, "line 1: nothing in it names the columns"),
        (b"a,a\n1,2\n", "line 1: two columns are called 'a'"),
        (HEADER.encode(), "no reading came of its 0 lines"),
        (b"a,b\n1,2\n3,4\n", "it has no column flow, level (cm), station, time; it has a, b"),
        ((HEADER + "S1,2026-11-22 00:00:00,-,-\n").encode(), "no reading came of its 1 lines\n"),
        ((HEADER + row(1, "x") + row(2, "y")).encode(), "level is 'x'"),
        ((HEADER + row(1)).encode("utf-16"), "line 1: it is not utf-8: byte 1"),
        (b"\x00" * 300_000, "line 1: it has more than 65536 bytes"),
    ],
)
async def test_a_file_of_which_nothing_comes_has_its_reason_beside_it(
    drop: FileWatcher, content: bytes, sentence: str
) -> None:
    (drop.folder / "bad.csv").write_bytes(content)
    async with drop.watched():
        await until(lambda: drop.files("failed") == ["bad.csv", "bad.csv.reason.txt"])
    assert sentence in drop.text("failed/bad.csv.reason.txt")
    assert (drop.folder / "failed" / "bad.csv").read_bytes() == content
    assert drop.counters.failed["file"] == 1


async def test_a_file_is_given_up_after_so_many_bad_lines(drop: FileWatcher) -> None:
    drop.put("a.csv", *(row(number) for number in range(500)), *("garbage\n" for _ in range(5_000)))
    async with drop.watched(max_bad=100):
        await until(lambda: "a.csv" in drop.files("failed"))
    assert drop.text("failed/a.csv.reason.txt").startswith("more than 100 lines are bad\n")
    assert len(drop.spool.readings) == 500
    assert len(drop.spool.undecoded) == 500
    assert drop.text("failed/a.csv.reason.txt").splitlines()[-1] == "..."


async def test_a_file_that_grows_waits_until_it_stands_still(drop: FileWatcher) -> None:
    async with drop.watched(settle_s=0.4):
        drop.put("a.csv", row(0))
        for number in range(1, 8):
            await asyncio.sleep(0.1)
            with (drop.folder / "a.csv").open("a") as growing:
                growing.write(row(number))
            assert drop.spool.asked == 0
        await until(lambda: drop.files("done") == ["a.csv"])
    assert len(drop.spool.readings) == 8


async def test_a_file_that_changes_while_it_is_read_is_read_again(drop: FileWatcher) -> None:
    drop.put("a.csv", row(0))
    drop.spool.gate.clear()
    async with drop.watched():
        await until(lambda: drop.spool.asked == 1)
        drop.put("a.csv", row(0), row(1))
        drop.spool.gate.set()
        await until(lambda: drop.files("done") == ["a.csv"])
    assert len({got.time_ns for got in drop.spool.readings}) == 2


async def test_while_the_spool_is_full_the_file_stays(drop: FileWatcher) -> None:
    drop.put("a.csv", row(0))
    drop.spool.error = SpoolFull("the disk is full")
    async with drop.watched():
        await until(lambda: drop.counters.failed["spool"] >= 2)
        assert (drop.folder / "a.csv").exists()
        drop.spool.error = None
        await until(lambda: drop.files("done") == ["a.csv"])


async def test_what_was_interrupted_is_read_again_from_its_beginning(drop: FileWatcher) -> None:
    drop.put("a.csv", *map(row, range(2_000)))
    async with drop.watched():
        await until(lambda: len(drop.spool.readings) >= 500)
        drop.spool.gate.clear()
    drop.spool.gate.set()
    async with drop.watched():
        await until(lambda: drop.files("done") == ["a.csv"])
    assert len({got.time_ns for got in drop.spool.readings}) == 2_000


async def test_a_name_that_comes_again_replaces_nothing(drop: FileWatcher) -> None:
    async with drop.watched():
        for count in (1, 2, 3):
            drop.put("a.csv", *map(row, range(count)))
            await until(lambda count=count: len(drop.files("done")) == count)  # type: ignore[misc]
    assert drop.files("done") == ["a.csv", "a.csv.2", "a.csv.3"]
    assert drop.text("done/a.csv").count("\n") == 2


async def test_a_writer_that_stalled_and_goes_on_loses_nothing(drop: FileWatcher) -> None:
    with (drop.folder / "a.csv").open("w") as writing:
        writing.write(HEADER + row(0) + row(1)[:-10])
        writing.flush()
        async with drop.watched():
            await until(lambda: drop.files("done") == ["a.csv", "a.csv.report.txt"])
            writing.write(row(1)[-10:] + "".join(map(row, range(2, 100))))
            writing.flush()
            await until(lambda: drop.files("done") == ["a.csv"], 5)
    assert len({got.time_ns for got in drop.spool.readings}) == 100
    assert drop.counters.failed["changed_after_move"] == 1


async def test_a_file_that_was_made_first_and_written_later_is_read(drop: FileWatcher) -> None:
    (drop.folder / "a.csv").touch()
    async with drop.watched():
        await until(lambda: drop.files("failed") == ["a.csv", "a.csv.reason.txt"])
        with (drop.folder / "failed" / "a.csv").open("a") as writing:
            writing.write(HEADER + row(0))
        await until(lambda: drop.files("done") == ["a.csv"], 5)
    assert len(drop.spool.readings) == 1
    assert drop.files("failed") == []


class Watched:
    """A folder that is looked at by hand, at the seconds that a test says."""

    def __init__(self, folder: Path, pattern: str = "*.csv") -> None:
        self.now_s = 0.0
        self.folder = folder
        self.drop = gateway.inputs.drop.FileWatcher(folder, pattern, 0, lambda: self.now_s)
        self.drop.make()

    def moved(self, name: str) -> Path:
        """Have a file read and moved."""
        (self.folder / name).write_text("x\n1\n")
        states = dict(self.drop.scan().settled)
        self.drop.move(name, states[name], Verdict.DONE, "")
        return self.folder / "done" / name

    def ready(self) -> list[str]:
        return [name for name, _ in self.drop.scan().settled]


def test_what_comes_back_takes_no_place_of_another(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    moved = watched.moved("a.csv")
    (tmp_path / "a.csv").write_text("another\n")
    moved.write_text("x\n1\n2\n")
    assert watched.drop.scan().returned == ["a.2.csv"]
    assert (tmp_path / "a.2.csv").read_text() == "x\n1\n2\n"
    assert (tmp_path / "a.csv").read_text() == "another\n"


def test_what_the_pattern_would_not_know_beside_another_waits_for_its_place(tmp_path: Path) -> None:
    watched = Watched(tmp_path, "a.csv")
    moved = watched.moved("a.csv")
    (tmp_path / "a.csv").write_text("another\n")
    moved.write_text("x\n1\n2\n")
    scan = watched.drop.scan()
    assert (scan.returned, len(scan.trouble), "its place is taken" in scan.trouble[0]) == ([], 1, True)
    (tmp_path / "a.csv").unlink()
    assert watched.drop.scan().returned == ["a.csv"]


def test_a_moved_file_is_looked_at_for_an_hour(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    first, second = watched.moved("a.csv"), watched.moved("b.csv")
    watched.now_s = 3_599
    assert watched.drop.scan().returned == []
    first.write_text("changed\n")
    watched.now_s = 3_601  # as after a long wait for the spool: what changed until now still counts
    assert watched.drop.scan().returned == ["a.csv"]
    second.write_text("changed\n")
    assert watched.drop.scan().returned == []


def test_only_so_many_moved_files_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.inputs.drop._MAX_WATCHED", 2)
    watched = Watched(tmp_path)
    for moved in [watched.moved(f"{number}.csv") for number in range(4)]:
        moved.write_text("changed\n")
    assert watched.drop.scan().returned == ["2.csv", "3.csv"]


def test_a_move_that_changes_inode_and_time_is_no_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(file: Path, target: Path) -> None:
        target.write_bytes(file.read_bytes())
        os.utime(target, (1, 1))
        file.unlink()

    monkeypatch.setattr(Path, "rename", rename)
    watched = Watched(tmp_path)
    moved = watched.moved("a.csv")
    assert watched.drop.scan().returned == []
    moved.write_text("x\n1\n2\n")
    assert watched.drop.scan().returned == ["a.csv"]


async def test_a_name_that_is_no_utf8_is_read_and_told(drop: FileWatcher, capsys: pytest.CaptureFixture[str]) -> None:
    name = os.fsdecode("น้ำ.csv".encode("cp874"))
    drop.put(name, row(0), row(1, "high"))
    drop.put("b.csv", row(2))
    async with drop.watched(max_bad=0):
        await until(lambda: drop.files("done") == ["b.csv"] and name in drop.files("failed"), 5)
    assert len(drop.spool.readings) == 2
    (kept,) = drop.spool.undecoded
    assert kept.detail.startswith("\ufffd\ufffd\ufffd.csv, line 3: ")
    assert drop.decoding.decode_again(kept.origin, kept.payload.replace(b"high", b"155"), 0)[0]
    assert "crashed" not in capsys.readouterr().out


async def test_what_cannot_be_looked_at_keeps_no_other_waiting(
    drop: FileWatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    stat = Path.stat

    def stale(file: Path, **keys: bool) -> os.stat_result:
        if file.name == "stale.csv":
            raise OSError(errno.ESTALE, "Stale file handle", str(file))
        return stat(file, **keys)

    monkeypatch.setattr(Path, "stat", stale)
    drop.put("stale.csv", row(0))
    (drop.folder / "loop.csv").symlink_to("loop.csv")
    drop.put("b.csv", row(1))
    async with drop.watched():
        await until(lambda: drop.files("done") == ["b.csv"], 5)
    assert drop.counters.failed["entry"] >= 2
    assert set(drop.counters.failed) == {"entry"}


def test_what_cannot_be_read_is_tried_again_less_and_less_often(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    (tmp_path / "a.csv").touch()
    for pause_s in (30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600):
        ((name, state),) = watched.drop.scan().settled
        watched.drop.pass_over(name, state)
        watched.now_s += pause_s - 1
        assert watched.ready() == []
        watched.now_s += 1
    assert watched.ready() == ["a.csv"]
    watched.drop.pass_over(name, state)
    (tmp_path / "a.csv").write_text("x\n1\n")
    ((name, state),) = watched.drop.scan().settled
    watched.drop.pass_over(name, state)
    watched.now_s += 30
    assert watched.ready() == ["a.csv"], "a change begins anew"


@pytest.mark.parametrize(("part", "reason"), [("folder.CsvLines", "unreadable"), ("drop.FileWatcher.move", "move")])
async def test_trouble_that_passes_delays_a_file_and_no_more(
    drop: FileWatcher, monkeypatch: pytest.MonkeyPatch, part: str, reason: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("gateway.inputs.drop._FIRST_PAUSE_S", 0.2)
    drop.put("a.csv", row(0))
    async with drop.watched():
        with monkeypatch.context() as patched:
            patched.setattr(f"gateway.inputs.{part}", fail)
            await until(lambda: drop.counters.failed[reason] >= 1)
        await until(lambda: drop.files("done") == ["a.csv"], 5)
    assert drop.counters.failed[reason] <= 2


async def test_other_separators_encodings_and_names_of_columns(drop: FileWatcher) -> None:
    (drop.folder / "a.csv").write_bytes('S1;2026-11-22 01:00:00;"15,5";ก\nS2;2026-11-22 01:00:00;5;-\n'.encode("cp874"))
    async with drop.watched(
        separator=";", encoding="cp874", columns=["station", "time", "flow", "level (cm)"], max_bad=9
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
    assert most < 30 * MAX_LINE


@pytest.mark.parametrize(
    ("text", "read", "bad"),
    [
        ('id,note,v\nA,"x\ny",5\nB,z,6\n', ["A", "B"], []),
        ('id,v\nA,"5\nB,6\nC",7\nD,8\n', ["B", "D"], [2, 4]),
        ('id,v\nA,"5\nB,6\nC,"7"\nD,8\n', ["B", "C", "D"], [2]),
        ('id,v\npipe 5",5\nB,6\n', ['pipe 5"', "B"], []),
        ('id,v\nA,"5\n' + "B,6\n" * 150 + 'C",7\nD,8\n', ["B"] * 150 + ["D"], [2, 153]),
    ],
)
def test_a_line_break_in_quotes_makes_no_device(tmp_path: Path, text: str, read: list[str], bad: list[int]) -> None:
    (tmp_path / "a.csv").write_text(text, "utf-8")
    with CsvLines(tmp_path / "a.csv", (), ",", "utf-8") as lines:
        rows = lines.take(1_000)
    assert [row.cells["id"] for row in rows if row.error is None] == read
    assert [row.line for row in rows if row.error is not None] == bad

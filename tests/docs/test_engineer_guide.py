"""What the engineer's guide quotes stands in the code, and what it shows a replay or a decoder do is what they do."""

import json
from pathlib import Path
from typing import Final

import pytest

from simulators.replay import ReplayOptions
from simulators.replay.mapping import load_mapping
from simulators.replay.recording import Recording
from support import cases
from support.pages import ROOT, Block, blocks

GUIDE: Final = blocks(ROOT / "docs" / "engineer.md")
QUOTED: Final = [pytest.param(block, id=str(block)) for block in GUIDE if block.language == "python"]
FRAME: Final = ROOT / "tests" / "gateway" / "cases" / "codec-browan-dw10" / "open"


@pytest.mark.parametrize("block", QUOTED)
def test_quoted_code_stands_in_the_file_that_is_named(block: Block) -> None:
    file = ROOT / block.lines[0].removeprefix("# ")
    rest = iter(file.read_text("utf-8").splitlines())
    for line in block.lines[1:]:
        # in this order, with other lines between them
        assert line in rest, f"{block}: {file.name} has no {line!r} here any more"


def test_the_frame_of_the_example_is_the_one_that_is_tested() -> None:
    shown = [block.text for block in GUIDE]
    assert any(text.strip() == (FRAME / "payload.hex").read_text().strip() for text in shown)
    known = json.loads((FRAME / "context.json").read_text())
    assert any(block.language == "json" and json.loads(block.text) == known for block in GUIDE)
    assert cases.load(FRAME).outcome()["open"] == 1


def test_the_mapping_of_the_guide_reads_the_table_beside_it(tmp_path: Path) -> None:
    table = next(block for block in GUIDE if block.lines[0].startswith("when,gauge"))
    mapping = next(block for block in GUIDE if block.lines[0] == "# mapping.toml")
    for name, block in (("rain.csv", table), ("mapping.toml", mapping)):
        (tmp_path / name).write_text(block.text)
    options = ReplayOptions(
        file=tmp_path / "rain.csv", province="th-30", via="http://unused/", mapping=str(tmp_path / "mapping.toml")
    )
    found = Recording(options).survey()
    assert (found.items, found.tally.gaps, found.tally.bad) == (2, 1, 0)


def test_the_records_of_the_guide_can_be_read(tmp_path: Path) -> None:
    record = next(block for block in GUIDE if block.lines[0].startswith('{"t":'))
    file = tmp_path / "guide.korat.jsonl"
    file.write_text(record.text)
    assert Recording(ReplayOptions(file=file, province="th-30")).survey().items == len(record.lines)


def test_every_shipped_mapping_is_in_the_guide_and_every_named_one_is_shipped() -> None:
    text = (ROOT / "docs" / "engineer.md").read_text("utf-8")
    for file in (ROOT / "simulators" / "mappings").glob("*.toml"):
        assert f"`{file.stem}`" in text
        load_mapping(file.stem)

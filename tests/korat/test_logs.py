"""Lines of the log: one an event, bounded on disk, without secrets, whatever devices send."""

import io
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from korat import logs

log = structlog.get_logger("test")


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def test_an_event_is_one_line_without_secrets() -> None:
    stream = io.StringIO()
    logs.to_stream(stream)
    log.warning("refused\nby\x1b[31m", url="mqtt://u:s3cr3t@h:1", topic="a\nb c", count=3)
    log.debug("unseen")
    (line,) = stream.getvalue().splitlines()
    head = r" warning  refused\x0aby\x1b[31m url=mqtt://u:***@h:1 topic='a\nb c' count=3"
    assert line.endswith(head)
    assert line[:2] == "20"
    assert line[23] == "Z"
    assert logs.recent[-1].endswith(r"refused\x0aby\x1b[31m")


def test_libraries_write_to_the_same_place() -> None:
    stream = io.StringIO()
    logs.to_stream(stream)
    logging.getLogger("aiohttp.server").warning("odd %s", "request")
    assert "warning  odd request logger=aiohttp.server" in stream.getvalue()


def test_a_defect_comes_with_its_trace() -> None:
    stream = io.StringIO()
    logs.to_stream(stream)
    try:
        int("deep")
    except ValueError:
        log.exception("a defect")
    first, second, *_, last = stream.getvalue().splitlines()
    assert first.endswith("a defect")
    assert second == "Traceback (most recent call last):"
    assert last.startswith("ValueError: invalid literal")


def test_the_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES", 10_000)
    file = tmp_path / "korat.log"
    with logs.into_file(file):
        for number in range(2_000):
            log.info("an event", number=number)
    files = sorted(tmp_path.iterdir())
    assert [one.name for one in files] == ["korat.log", "korat.log.1", "korat.log.2", "korat.log.3"]
    assert all(one.stat().st_size <= 10_000 for one in files)
    assert "number=1999" in file.read_text()


def test_a_log_that_cannot_be_written_ends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    closed = io.StringIO()
    closed.close()
    logs.to_stream(closed)
    log.warning("nobody hears it")
    with logs.into_file(tmp_path / "absent" / "korat.log"):
        log.warning("nor this")
    assert capsys.readouterr() == ("", "")
    assert sys.stderr.writable()

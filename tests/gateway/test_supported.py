"""SUPPORTED.md says what the frames show, and nothing else."""

from pathlib import Path

from support import supported

PAGE = Path(__file__).parents[2] / "SUPPORTED.md"


def test_the_page_is_made_of_the_frames() -> None:
    assert PAGE.read_text("utf-8") == supported.page(), "run: python tests/support/supported.py > SUPPORTED.md"

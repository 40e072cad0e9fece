"""The data folder is its user's alone."""

from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from korat.settings import CitySettings, PlatformSettings


def _made(folder: Path) -> tuple[int, list[str]]:
    with capture_logs() as lines:
        replace(PlatformSettings.load(), city=CitySettings(data=folder)).make_data()
    return folder.stat().st_mode & 0o777, [line["event"] for line in lines]


def test_a_new_one_is_closed(tmp_path: Path) -> None:
    assert _made(tmp_path / "deep" / "var") == (0o700, [])


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o777])
def test_ours_is_closed_when_it_was_open(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "var"
    folder.mkdir()
    (folder / "ledger.sqlite").touch()
    folder.chmod(mode)
    found, said = _made(folder)
    assert found == 0o700
    assert "closed to them now" in said[0]


def test_a_folder_of_others_is_left_and_told(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o755)
    found, said = _made(folder)
    assert found == 0o755
    assert "chmod 700" in said[0]

"""A skipped test fails where CI is set, but for data and rights that a machine may lack."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = """
import pytest

def test_of_a_part():
    pytest.skip("mosquitto is not installed: this test needs the package mosquitto")

@pytest.mark.skipif(True, reason="never runs")
def test_that_never_runs():
    pass

def test_of_data():
    pytest.skip("there is no recorded data in /nowhere: set KORAT_SHARED_DATA to where it is")

@pytest.mark.xfail(raises=ZeroDivisionError)
def test_that_must_fail():
    1 / 0

def test_that_passes():
    pass
"""
MODULE = """
import pytest
pytest.importorskip("no_such_module", reason="an extra is not installed")
"""


def outcome(folder: Path, name: str, ci: str | None) -> tuple[int, str]:
    environment = {**os.environ, "PYTHONPATH": str(HERE), **({} if ci is None else {"CI": ci})}
    if ci is None:
        environment.pop("CI", None)
    command = [sys.executable, "-m", "pytest", "-p", "support.skips", "-p", "no:cacheprovider", "-q", name]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "test_module.py").write_text(MODULE)
    return tmp_path


def test_a_skip_for_want_of_a_part_fails_in_ci(folder: Path) -> None:
    code, said = outcome(folder, "test_some.py", "true")
    assert code == 1
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed, 1 error" in said
    assert "mosquitto is not installed: this test needs the package mosquitto" in said


def test_a_module_that_skips_itself_fails_in_ci(folder: Path) -> None:
    code, said = outcome(folder, "test_module.py", "true")
    assert code != 0
    assert "an extra is not installed" in said


@pytest.mark.parametrize("name", ["test_some.py", "test_module.py"])
def test_elsewhere_a_skip_is_a_skip(folder: Path, name: str) -> None:
    code, said = outcome(folder, name, None)
    assert code in {0, 5}
    assert "failed" not in said.replace("xfailed", "")


def test_this_run_is_watched(request: pytest.FixtureRequest) -> None:
    assert request.config.pluginmanager.hasplugin("support.skips")

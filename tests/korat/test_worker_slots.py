"""Workers that share a folder take the lowest number that is free."""

import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from city.errors import ConfigurationError
from korat.worker_slots import MAX_WORKERS, Taken, known, take
from support.korat import room

HOLD = """
import sys, time
from pathlib import Path
from korat.worker_slots import take
with take(Path(sys.argv[1])) as number:
    print(number, flush=True)
    time.sleep(60)
"""


def worker(folder: Path) -> tuple[subprocess.Popen[str], str]:
    started = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    return started, started.stdout.readline().strip()


def test_a_killed_worker_s_number_is_the_next_one_s(tmp_path: Path) -> None:
    workers = [worker(tmp_path / "workers") for _ in range(3)]
    try:
        assert [number for _, number in workers] == ["1", "2", "3"]
        workers[1][0].send_signal(signal.SIGKILL)
        workers[1][0].wait()
        workers.append(worker(tmp_path / "workers"))
        assert workers[-1][1] == "2"
    finally:
        for process, _ in workers:
            process.kill()
            process.communicate()


def test_a_number_is_given_back(tmp_path: Path) -> None:
    for _ in range(2):
        with take(tmp_path) as number:
            assert number == "1"


def test_there_is_an_end_to_them(tmp_path: Path) -> None:
    with ExitStack() as held:
        numbers = [held.enter_context(take(tmp_path)) for _ in range(MAX_WORKERS)]
        assert numbers == [str(number) for number in range(1, MAX_WORKERS + 1)]
        with pytest.raises(ConfigurationError, match="are taken"):
            held.enter_context(take(tmp_path))


def test_a_folder_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigurationError, match=r"KORAT_INGEST_WORKER .* can't hold the workers' numbers"),
        take(tmp_path / "file"),
    ):
        pass


def test_one_number_is_held_or_taken(tmp_path: Path) -> None:
    with take(tmp_path), take(tmp_path) as second:
        assert (second, known(tmp_path)) == ("2", [1, 2])
        with pytest.raises(Taken), take(tmp_path, [2]):
            pass
    with take(tmp_path, [2]) as again:
        assert again == "2"


@pytest.mark.parametrize("worker", ["2", "auto"])
def test_there_are_no_more_workers_than_are_said(tmp_path: Path, worker: str) -> None:
    environment = {"KORAT_INGEST_WORKER": worker}
    with take(tmp_path / "workers"), room("ingest", tmp_path, environment) as second:
        assert second.wait(within=20) == 1
    assert "KORAT_INGEST_WORKERS" in second.log.read_text()

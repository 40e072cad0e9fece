"""The disk under store and ledger filled to the last byte under load, then freed: nothing acknowledged is lost."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.ingesting import NOW_MS, Platform, platform
from support.mosquitto import Mosquitto


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of 24 MB, where we may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a small disk can't be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(ballast: Path) -> None:
    """Write until the disk takes not one byte more."""
    with ballast.open("ab", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue


async def test_readings_wait_at_the_broker_while_the_disk_is_full(broker: Mosquitto, small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    sent = 0

    async def send(korat: Platform, until: asyncio.Event) -> None:
        nonlocal sent
        while not until.is_set():
            rows: list[object] = [
                {"ts": NOW_MS - 100 * sent - k, "values": {"rain_rate": float(k)}} for k in range(100)
            ]
            await korat.send("rain", f"r-{sent % 7}", rows)
            sent += 1
            await asyncio.sleep(0.01)

    async with platform(broker, small_disk) as korat:
        done = asyncio.Event()
        load = asyncio.create_task(send(korat, done))
        await korat.received(1_000)
        for _ in range(2):
            fill(ballast)
            # the log's spare room goes first
            await asyncio.sleep(2)
            fill(ballast)
            await asyncio.sleep(1)
            before = (await korat.counts()).received
            await asyncio.sleep(1)
            assert (await korat.counts()).received == before, "the disk is full"
            ballast.unlink()
            await korat.received(before + 1_000)
        done.set()
        await load
        counts = await korat.received(100 * sent)
        assert (counts.received, counts.stored + counts.duplicate) == (100 * sent, 100 * sent)

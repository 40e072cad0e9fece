"""A file is touched as long as all is well."""

import asyncio
from pathlib import Path

from city.errors import Unavailable
from korat.heartbeat import heartbeat


async def test_it_beats_while_all_is_well_and_leaves_nothing(tmp_path: Path) -> None:
    file, stop, troubles = tmp_path / "heartbeat", asyncio.Event(), [Unavailable("not yet")]
    file.touch()

    async def check() -> None:
        if troubles:
            raise troubles.pop()

    beating = asyncio.create_task(heartbeat(file, {"part": check}, 0.02)(stop))
    await asyncio.sleep(0.1)
    assert not await asyncio.to_thread(file.exists), "an old file is removed"
    async with asyncio.timeout(5):
        while not await asyncio.to_thread(file.exists):
            await asyncio.sleep(0.02)
    first = file.stat().st_mtime_ns
    async with asyncio.timeout(5):
        while file.stat().st_mtime_ns == first:
            await asyncio.sleep(0.02)
    stop.set()
    await beating
    assert not await asyncio.to_thread(file.exists)

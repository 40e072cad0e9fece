"""Services of one process: none fails in silence, none holds up the end."""

import asyncio
import signal

import pytest

from city.errors import KoratError
from korat import process as module
from korat.process import Process


async def patient(stop: asyncio.Event) -> None:
    await stop.wait()


async def test_the_last_one_started_stops_first() -> None:
    ended: list[str] = []
    async with Process() as process:
        for name in ("first", "second"):

            async def service(stop: asyncio.Event, name: str = name) -> None:
                await stop.wait()
                ended.append(name)

            process.start(name, service)
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGTERM)
        await process.until_stopped()
    assert ended == ["second", "first"]


async def test_a_service_that_ends_by_itself_is_a_failure() -> None:
    async def short(_: asyncio.Event) -> None:
        """Return at once."""

    async with Process() as process:
        process.start("patient", patient)
        process.start("short", short)
        with pytest.raises(KoratError, match="short ended by itself"):
            await process.until_stopped()


async def test_what_a_service_fails_with_comes_out() -> None:
    async def failing(_: asyncio.Event) -> None:
        raise ValueError("as it is")

    async with Process() as process:
        process.start("patient", patient)
        process.start("failing", failing)
        with pytest.raises(ValueError, match="as it is"):
            await process.until_stopped()


async def test_a_service_that_does_not_stop_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STOP_S", 0.05)
    forever = asyncio.Event()

    async def stubborn(_: asyncio.Event) -> None:
        await forever.wait()

    async with Process() as process:
        process.start("stubborn", stubborn)
        process.stop.set()
        await process.until_stopped()


async def test_a_signal_cuts_the_start_short() -> None:
    reached = False
    async with Process() as process:
        asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGINT)
        await process.unless_stopped(asyncio.Event().wait())
        reached = True
    assert not reached
    assert process.stop.is_set()


async def test_a_step_of_the_start_may_fail() -> None:
    async def failing() -> None:
        raise KoratError("no")

    async with Process() as process:
        with pytest.raises(KoratError, match="no"):
            await process.unless_stopped(failing())

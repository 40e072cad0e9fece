"""Each room as a process of its own."""

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from korat import rooms
from korat.lock import hold
from korat.process import Process, Service, end_now
from korat.settings import Everything

if TYPE_CHECKING:
    from korat.stack import Stack


async def ingest(settings: Everything) -> None:
    """Run one ingest worker until a signal comes.

    Raises:
        KoratError: It can't start, or failed.
    """
    await _over_stack(settings, "ingest")


async def api(settings: Everything) -> None:
    """Run the API until a signal comes; its readiness tells of store and ledger, all that it can know.

    Raises:
        KoratError: It can't start, or failed.
    """
    rooms.refuse_taken_api(settings)
    await _over_stack(settings, "api")


async def gateway(settings: Everything) -> None:
    """Run one gateway until a signal comes.

    Raises:
        KoratError: It can't start, or failed.
    """
    settings.make_data()
    rooms.refuse_taken_gateway(settings)
    async with Process(last_resort=end_now) as process:
        process.start("gateway", rooms.gateway_room(settings))
        await process.until_stopped()


async def simulate(settings: Everything) -> None:
    """Let the simulated city publish until a signal comes.

    Raises:
        KoratError: It can't start, or failed.
    """
    async with Process(last_resort=end_now) as process:
        process.start("simulators", rooms.simulator_room(settings))
        await process.until_stopped()


async def _over_stack(settings: Everything, name: str) -> None:
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - a lone gateway has no use for it

    from korat.stack import open_stack  # noqa: PLC0415 - nor for databases

    def room(stack: "Stack") -> Service:
        make = rooms.ingest_room if name == "ingest" else rooms.api_room
        return make(settings, stack, CollectorRegistry(), {})

    async with Process(last_resort=end_now) as process, AsyncExitStack() as closing:
        if settings.store_file is not None:
            settings.make_data()
            closing.enter_context(hold(settings.data, name))
        stack = await closing.enter_async_context(open_stack(settings, process))
        process.start(name, room(stack))
        await process.until_stopped()

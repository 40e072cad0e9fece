"""Inputs opened, run and ended together; one that breaks is started again and stops no other."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import structlog

from city.backoff import Backoff
from city.errors import KoratError
from gateway.inputs import INPUTS
from gateway.inputs.input import Input, InputContext, InputCounters, InputTable

_GOOD_S: Final = 60.0
"""Seconds after which a run was a good one: what breaks it then is answered with a short pause again."""

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def open_inputs(
    tables: Iterable[InputTable], context: Callable[[str], InputContext], tasks: asyncio.TaskGroup
) -> AsyncIterator[None]:
    """Open all inputs, and end them within a second.

    Args:
        tables: One of each.
        context: Gives an input of this name its context.
        tasks: Where they run, so that a damaged spool ends the gateway.

    Raises:
        ConfigurationError: One can't be opened: a port is taken, a secret can't be read.
    """
    makers = {kind.table: kind.make for kind in INPUTS.values()}
    made: list[tuple[Input, InputCounters]] = []
    for table in tables:
        if table.is_on():
            given = context(table.name)
            made.append((makers[type(table)](table, given), given.counters))
    async with AsyncExitStack() as stack:
        for each, _ in made:
            stack.push_async_callback(each.close)
            await each.open()
        running = [
            tasks.create_task(keep_running(each.run, counters), name=f"input {counters.name}")
            for each, counters in made
        ]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            if running:
                await asyncio.wait(running)


async def keep_running(run: Callable[[], Coroutine[Any, Any, None]], counters: InputCounters) -> None:
    """Run an input until it is cancelled; a bug in it, or in a library of it, must not stop the others.

    Raises:
        KoratError: Our own errors: the spool is damaged.
    """
    backoff = Backoff(first_s=1.0, max_s=60.0)
    loop = asyncio.get_running_loop()
    while True:
        began_s = loop.time()
        try:
            await run()
        except KoratError:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, it is logged, and the input works again
            counters.fail("crashed", detail=f"{type(error).__name__}: {error}")
            _log.exception("an input broke and is started again", input=counters.name)
        if loop.time() - began_s > _GOOD_S:
            backoff.reset()
        await asyncio.sleep(backoff.next())

"""`korat doctor`: is this machine fit, and is the platform well?"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from rich.console import Console
from rich.text import Text

from city.errors import KoratError
from city.settings import masked
from korat import lock, looks
from korat.settings import Everything

ANSWER_S: Final = 3.0

Look = Callable[[Everything, str], Awaitable[str]]
"""Looks at one thing, knowing who runs in the data folder (empty: nobody); raises when something is wrong."""

LOOKS: Final[dict[str, Look]] = {
    "python": looks.python,
    "data folder": looks.data,
    "mosquitto": looks.mosquitto,
    "platform": looks.platform,
    "broker": looks.broker,
    "API": looks.api,
    "gateway": looks.gateway,
    "store": looks.store,
    "ledger": looks.ledger,
    "spool": looks.spool,
}


async def doctor(settings: Everything) -> None:
    """Print a line for each look; nothing is made or changed by it.

    Raises:
        KoratError: Something is wrong.
    """
    console = Console()
    owner = lock.owner(settings.data)
    wrong = 0
    for name, look in LOOKS.items():
        try:
            async with asyncio.timeout(ANSWER_S):
                found = await look(settings, owner)
        except (KoratError, OSError, TimeoutError) as error:
            wrong += 1
            mark, found = Text("wrong", "bold red"), str(error) or f"no answer within {ANSWER_S:.0f} s"
        else:
            mark = Text("ok   ", "green")
        console.print(mark, Text(f"{name}: {masked(found)}"), soft_wrap=True)
    if wrong:
        raise KoratError(f"{wrong} of {len(LOOKS)} looks found something wrong; the lines above say what to do")

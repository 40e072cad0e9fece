"""`korat doctor`: is this machine fit, and is the platform well?"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from rich.console import Console
from rich.text import Text

from city.errors import ConfigurationError, KoratError
from city.settings import masked
from korat import checks, lock
from korat.readable_secrets import ADVICE, readable_secrets
from korat.settings import PlatformSettings

ANSWER_S: Final = 3.0

Check = Callable[[PlatformSettings, str], Awaitable[str]]
"""Checks one thing, given the process that owns the data folder (empty: none); raises when something is wrong."""

CHECKS: Final[dict[str, Check]] = {
    "python": checks.python,
    "data folder": checks.data,
    "mosquitto": checks.mosquitto,
    "platform": checks.platform,
    "broker": checks.broker,
    "API": checks.api,
    "gateway": checks.gateway,
    "store": checks.store,
    "ledger": checks.ledger,
    "spool": checks.spool,
    "clock": checks.clock,
}


async def doctor(settings: PlatformSettings) -> None:
    """Print a line for each check; nothing is made or changed by it.

    Raises:
        KoratError: Something is wrong.
    """
    console = Console()
    owner = lock.owner(settings.data)
    wrong = 0
    for name, check in CHECKS.items():
        try:
            async with asyncio.timeout(ANSWER_S):
                found = await check(settings, owner)
        except (KoratError, OSError, TimeoutError) as error:
            wrong += 1
            mark, found = Text("wrong", "bold red"), str(error) or f"no answer within {ANSWER_S:.0f} s"
        else:
            mark = Text("ok   ", "green")
        console.print(mark, Text(f"{name}: {masked(found)}"), soft_wrap=True)
    with contextlib.suppress(ConfigurationError):  # the gateway's check has said it
        for file in readable_secrets(settings):
            found = f"secrets: other users may read {file}: {ADVICE}"
            console.print(Text("warn ", "bold yellow"), Text(found), soft_wrap=True)
    if wrong:
        raise KoratError(f"{wrong} of {len(CHECKS)} checks found something wrong; the lines above say what to do")

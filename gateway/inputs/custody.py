"""Waiting for the spool: nothing of what a link holds is let go while custody can't be taken."""

import asyncio
from collections.abc import Callable
from typing import Final

from city.backoff import Backoff
from city.errors import Full, Unavailable
from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.inputs import Accept
from gateway.inputs.counters import InputCounters

_FIRST_S: Final = 0.5
_MOST_S: Final = 5.0


class NotTakenError(Exception):
    """Custody was not taken, and whoever sent this need not be waited for any longer."""


async def hand_over(
    accept: Accept,
    readings: list[Reading],
    undecoded: list[Undecoded],
    counters: InputCounters,
    *,
    messages: int = 1,
    give_up: Callable[[], bool] = lambda: False,
) -> None:
    """Return when the spool has all of it, however long that takes, and count it.

    Args:
        accept: Takes custody.
        readings: What was understood.
        undecoded: What was not.
        counters: Of the link.
        messages: How many messages brought it.
        give_up: Asked before each further try, whether there is still somebody to answer.

    Raises:
        NotTakenError: `give_up` said so.
        Broken: The spool is damaged.
    """
    backoff = Backoff(first_s=_FIRST_S, most_s=_MOST_S)
    while True:
        try:
            await accept(readings, undecoded)
        except (Full, Unavailable) as error:
            counters.fail("spool", detail=str(error))
            await asyncio.sleep(backoff.next())
            if give_up():
                raise NotTakenError(str(error)) from None
        else:
            counters.kept(len(readings), undecoded, messages)
            return

"""Which of several copies of a message is taken, where overlapping filters bring one each.

A broker sends a message once for each subscription that matches, or once for all of them; with MQTT 5 it says for which
(3.3.4). The copy of the first filter that matches counts, and the others are passed over.
"""

import re
from collections.abc import Sequence
from typing import Final

from xxhash import xxh3_64_intdigest

from city.mqtt import Message, Subscription

_MAX_ID: Final = 268_435_455


class Copies:
    """Tells the copies of one session's messages apart.

    The ids are those of this very set of filters. What the broker queued for another set bears others and is taken:
    who knows whether another copy was made then. Rather twice than never.

    Args:
        filters: What the session subscribes to, in this order.
    """

    def __init__(self, filters: Sequence[str]) -> None:
        first = xxh3_64_intdigest("\n".join(filters).encode()) % (_MAX_ID - len(filters)) + 1
        self._filters = {first + number: (each, _pattern(each)) for number, each in enumerate(filters)}

    def subscriptions(self) -> list[Subscription]:
        """Give what to subscribe to; in the order of the ids, so that a copy of a later one has one of the earlier."""
        return [Subscription(each, id=number) for number, (each, _) in self._filters.items()]

    def is_further(self, message: Message) -> bool:
        """Say whether another copy of this message is the one to take."""
        came_by = message.subscription_ids
        if len(self._filters) < 2 or not came_by or not self._filters.keys() >= set(came_by):  # noqa: PLR2004
            return False
        matching = (number for number, (_, pattern) in self._filters.items() if pattern.fullmatch(message.topic))
        return next(matching, came_by[0]) not in came_by


def _pattern(topic_filter: str) -> re.Pattern[str]:
    """Match the topics of a filter; of a shared one, those behind its group."""
    levels = topic_filter.split("/")
    levels = levels[2:] if levels[0] == "$share" else levels
    own = r"(?!\$)" if levels[0] in {"+", "#"} else ""  # what begins with $ is the broker's (MQTT 5, 4.7.2)
    text = own + "/".join("[^/]*" if level == "+" else ".*" if level == "#" else re.escape(level) for level in levels)
    return re.compile(text.removesuffix("/.*") + "(?:/.*)?" if text.endswith("/.*") else text, re.DOTALL)

"""Which decoder reads which foreign topic.

```toml
[[input.mqtt]]
topics = [
  { filter = "plant/{kind}/{device}/up", decoder = "native" },
  { filter = "sensors/+/{device}/#", decoder = "senml", parameters = { kind = "weather" } },
]
```

`{device}` and `{kind}` stand for one level that names them, `+` and `#` are MQTT's. A level that names a device is made
an id by the rule of `city.names`: `pump_7` stays, `Pump 7` becomes `pump-7-x` and 12 digits.
"""

import re
from collections.abc import Iterable
from itertools import zip_longest
from typing import NamedTuple, Self

from pydantic import field_validator

from city.errors import Malformed
from city.names import MakeId
from gateway.decoders import Origin
from gateway.inputs.input import DecoderChoice, DecoderName

_NAMES = ("device", "kind")


class TopicTable(DecoderChoice):
    """One row of `topics` of an `[[input.mqtt]]`.

    Attributes:
        filter: What to subscribe to; `{device}` and `{kind}` may stand for levels.
        decoder: Who reads the messages.
        parameters: What all of these messages have in common.
    """

    filter: str
    decoder: DecoderName

    @field_validator("filter")
    @classmethod
    def _template(cls, value: str) -> str:
        levels = value.split("/")
        if not value:
            raise ValueError("it is empty")
        for level in levels:
            _level(level)
        if "#" in levels[:-1]:
            raise ValueError(f"{value!r}: # can only be the last level")
        if any(levels.count(f"{{{name}}}") > 1 for name in _NAMES):
            raise ValueError(f"{value!r} names the device or the kind twice")
        return value


class Route(NamedTuple):
    """A row that is ready to match.

    Attributes:
        filter: What to subscribe to.
        decoder: Name of the decoder.
        parameters: What all of these messages have in common.
        pattern: Matches a topic; its groups are `device` and `kind`.
    """

    filter: str
    decoder: str
    parameters: dict[str, str]
    pattern: re.Pattern[str]

    @classmethod
    def from_table(cls, table: TopicTable) -> Self:
        """Make the filter and the pattern of a row."""
        levels = [_level(level) for level in table.filter.split("/")]
        mqtt_filter = re.sub(r"\{(device|kind)\}", "+", table.filter)
        pattern = "/".join(levels).replace("/.*", "(?:/.*)?") if levels[-1] == ".*" else "/".join(levels)
        return cls(mqtt_filter, table.decoder, table.parameters, re.compile(pattern, re.DOTALL))

    def origin(self, topic: str, ids: MakeId) -> Origin | None:
        """Say where a message of this topic comes from; None if the topic isn't of this route.

        Args:
            topic: The message's.
            ids: Gives a device's id by its level.
        """
        match = self.pattern.fullmatch(topic)
        if match is None:
            return None
        named = {
            name: _id_or_not(value, ids) if name == "device" else value for name, value in match.groupdict().items()
        }
        return Origin("mqtt", self.decoder, {**self.parameters, **named, "topic": topic})


def overlap(one: str, other: str) -> bool:
    """Say whether a topic can match both filters; of a shared subscription its topic counts."""
    first, second = _plain(one), _plain(other)
    for left, right in zip(first, second, strict=False):
        if "#" in {left, right}:
            return True
        if left != right and "+" not in {left, right}:
            return False
    longer, shorter = sorted((first, second), key=len, reverse=True)
    return len(longer) == len(shorter) or longer[len(shorter) :] == ["#"]


def covers(wide: str, narrow: str) -> bool:
    """Say whether `wide` matches every topic that `narrow` matches."""
    if narrow.startswith("$") and wide[:1] in {"#", "+"}:
        return False
    for left, right in zip_longest(wide.split("/"), narrow.split("/")):
        if left == "#":
            return True
        if left is None or right in {None, "#"} or (left not in {"+", right}):
            return False
    return True


def fewest(filters: Iterable[str]) -> set[str]:
    """Leave out filters that another one covers: a broker sends a message once for each that matches."""
    distinct = set(filters)
    return {one for one in distinct if not any(one != other and covers(other, one) for other in distinct)}


def _plain(topic_filter: str) -> list[str]:
    levels = topic_filter.split("/")
    return levels[2:] if levels[0] == "$share" else levels


def _id_or_not(level: str, ids: MakeId) -> str:
    try:
        return ids(level, "")
    except Malformed:
        return level  # the decoder refuses it, with the bytes at hand


def _level(level: str) -> str:
    if level in {"{device}", "{kind}"}:
        return f"(?P<{level[1:-1]}>[^/]+)"
    if level == "+":
        return "[^/]*"
    if level == "#":
        return ".*"
    if re.search(r"[{}+#\0]", level):
        raise ValueError(f"{level!r} is not a level; {{device}}, {{kind}}, + and # stand alone")
    return re.escape(level)

"""Which decoder reads which foreign topic.

`plant/{kind}/{device}/up -> native`, `sensors/+/{device}/# -> senml?kind=weather`: `{device}` and `{kind}` stand for
one level that names them, `+` and `#` are MQTT's, and a query adds what all of these messages have in common. A level
that names a device is made an id: `Pump_7` is the device `pump_7`.
"""

import re
from typing import NamedTuple, Self
from urllib.parse import parse_qsl

from city.errors import Malformed
from gateway.decoders import DECODERS, Origin
from gateway.decoders.decoder import device_id

_NAMES = ("device", "kind")


class Route(NamedTuple):
    """One row of the setting.

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
    def parse(cls, text: str) -> Self:
        """Read a row of the setting.

        Raises:
            ValueError: One sentence that says what is wrong.
        """
        template, arrow, target = (part.strip() for part in text.partition("->"))
        decoder, _, query = target.partition("?")
        if not (template and arrow and decoder):
            raise ValueError(f"{text!r} is not `topic filter -> decoder`")
        if decoder not in DECODERS:
            raise ValueError(f"{text!r}: there is no decoder {decoder!r}, only {', '.join(DECODERS)}")
        levels = [_level(level, text) for level in template.split("/")]
        if "#" in template.split("/")[:-1]:
            raise ValueError(f"{text!r}: # can only be the last level")
        if any(template.split("/").count(f"{{{name}}}") > 1 for name in _NAMES):
            raise ValueError(f"{text!r} names the device or the kind twice")
        mqtt_filter = re.sub(r"\{(device|kind)\}", "+", template)
        pattern = "/".join(levels).replace("/.*", "(?:/.*)?") if levels[-1] == ".*" else "/".join(levels)
        try:
            parameters = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=True)) if query else {}
        except ValueError as error:
            raise ValueError(f"{text!r}: {error}") from None
        return cls(mqtt_filter, decoder, parameters, re.compile(pattern, re.DOTALL))

    def origin(self, topic: str) -> Origin | None:
        """Say where a message of this topic comes from; None if the topic isn't of this route."""
        match = self.pattern.fullmatch(topic)
        if match is None:
            return None
        named = {name: _id_or_not(value) if name == "device" else value for name, value in match.groupdict().items()}
        return Origin("mqtt", self.decoder, {**self.parameters, **named, "topic": topic})


def _id_or_not(level: str) -> str:
    try:
        return device_id(level)
    except Malformed:
        return level  # the decoder refuses it, with the bytes at hand


def _level(level: str, text: str) -> str:
    if level in {"{device}", "{kind}"}:
        return f"(?P<{level[1:-1]}>[^/]+)"
    if level == "+":
        return "[^/]*"
    if level == "#":
        return ".*"
    if re.search(r"[{}+#\0]", level):
        raise ValueError(f"{text!r}: {level!r} is not a level; {{device}}, {{kind}}, + and # stand alone")
    return re.escape(level)

"""Sparkplug's topics (Sparkplug Specification 3.0.0, chapter 4)."""

from enum import StrEnum
from typing import Final, NamedTuple

from city.errors import Reason
from gateway.decoders.decoder import DecodeError

_NAMESPACE: Final = "spBv1.0"
_NODE_LEVELS, _DEVICE_LEVELS = 4, 5


class Message(StrEnum):
    """What a topic's third level says."""

    NBIRTH = "NBIRTH"
    NDEATH = "NDEATH"
    DBIRTH = "DBIRTH"
    DDEATH = "DDEATH"
    NDATA = "NDATA"
    DDATA = "DDATA"
    NCMD = "NCMD"
    DCMD = "DCMD"
    STATE = "STATE"


_MEASURES: Final = frozenset({Message.NBIRTH, Message.DBIRTH, Message.NDATA, Message.DDATA})
_OF_A_DEVICE: Final = frozenset({Message.DBIRTH, Message.DDEATH, Message.DDATA, Message.DCMD})


class Topic(NamedTuple):
    """A parsed topic; `device` is empty where the edge node speaks for itself."""

    message: Message
    group: str
    node: str
    device: str = ""

    @property
    def measures(self) -> bool:
        """Whether such a message holds measurements."""
        return self.message in _MEASURES

    @property
    def name(self) -> tuple[str, ...]:
        """What names the device: the group's, the node's and its own name."""
        return tuple(filter(None, (self.group, self.node, self.device)))

    @property
    def command(self) -> str:
        """Where commands to the edge node go."""
        return f"{_NAMESPACE}/{self.group}/{Message.NCMD}/{self.node}"


def parse(text: str) -> Topic:
    """Read a topic.

    Raises:
        DecodeError: `bad_topic`.
    """
    levels = text.split("/")
    if levels[:2] == [_NAMESPACE, Message.STATE]:
        return Topic(Message.STATE, "", "")
    try:
        message = Message(levels[2])
        wanted = _DEVICE_LEVELS if message in _OF_A_DEVICE else _NODE_LEVELS
        if levels[0] == _NAMESPACE and len(levels) == wanted and all(levels):
            return Topic(message, levels[1], *levels[3:])
    except (IndexError, ValueError):
        pass
    raise DecodeError(Reason.BAD_TOPIC, f"{text[:200]!r} is no topic of Sparkplug B")

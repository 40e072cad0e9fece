"""What has to be remembered of Sparkplug's edge nodes: births, aliases and sequence numbers. No sockets, no clock.

Show every message of `spBv1.0/#`, in its order, to `Sessions.complete` before it is decoded: data that names its
metrics by alias gets the names, types and units of its birth written in, so that it can be decoded now and at any later
time. Data whose birth wasn't seen, or that comes after a gap in the sequence, may mean something else than its aliases
say: it stays as it is, which sends it to quarantine unless its metrics bear their names, and the edge node is asked for
its births; less and less often, down to once an hour, where that doesn't help. Sparkplug Specification 3.0.0, chapters
5 and 6.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from city.errors import Malformed
from gateway.decoders.decoder import Origin
from gateway.decoders.sparkplug import metrics, payload
from gateway.decoders.sparkplug.payload import Metric, Payload
from gateway.decoders.sparkplug.topic import Message, Topic, parse

_SEQUENCE: Final = 256
_SECOND_NS: Final = 10**9
_ASK_AGAIN_NS: Final = 10 * _SECOND_NS
_ASK_SELDOM_NS: Final = 3600 * _SECOND_NS
_WELL_NS: Final = 600 * _SECOND_NS
"""An edge node of which nothing was wanting for so long is asked at once again."""

_MAX_NODES: Final = 10_000
_MAX_DEVICES: Final = 2_000
"""Births of one edge node that are remembered."""

_BIRTH_NUMBER: Final = "bdSeq"
_SILENT: Final = frozenset({Message.STATE, Message.NCMD, Message.DCMD})


class Completed(NamedTuple):
    """A message as it should be decoded.

    Attributes:
        origin: With the kind that the birth told, unless it names one already.
        payload: With names where there were aliases.
        request: Topic and payload of a command to publish at QoS 0; None: nothing to ask.
    """

    origin: Origin
    payload: bytes
    request: tuple[str, bytes] | None = None


@dataclass(slots=True)
class _Birth:
    """What the birth of a device, or of the edge node itself, said."""

    kind: str
    by_name: dict[str, Metric]
    by_alias: dict[int | None, Metric]
    renamed: dict[str, str]
    """Metrics whose key another one has, `Temp` beside `temp`, to the names that tell them apart."""

    def explains(self, message: Payload) -> bool:
        """Whether it has every alias that stands for a name."""
        return all(metric.name or metric.alias is None or metric.alias in self.by_alias for metric in message.metrics)


@dataclass(slots=True)
class EdgeNode:
    """One edge node.

    Attributes:
        born: Whether its birth is known and nothing was missed since.
        seq: Number of its last message.
        birth_number: `bdSeq` of its birth, which its death repeats.
        births: Of its devices by name; the empty name is the edge node itself.
        wanting: Whether the last message needed a birth that isn't known, or an alias that its birth lacks.
        wanted_ns: When a message was the last that did, nanoseconds UTC.
        asked_ns: When it was asked for its births, likewise.
        wait_ns: How long it isn't asked again.
    """

    born: bool = False
    seq: int = 0
    birth_number: float | None = None
    births: dict[str, _Birth] = field(default_factory=dict)
    wanting: bool = False
    wanted_ns: int = 0
    asked_ns: int = 0
    wait_ns: int = 0

    def observe(self, topic: Topic, message: Payload) -> _Birth | None:
        """Take notice of a message, and give the birth that it relies on or is; None where none is known or needed."""
        self.wanting = False
        match topic.message:
            case Message.NBIRTH:
                self.born, self.seq, self.births = True, message.seq or 0, {}
                self.birth_number = _birth_number(message)
            case Message.NDEATH:
                # the death of an earlier connection may come after the birth of the next
                self.born = self.born and self.birth_number not in {None, _birth_number(message)}
                return None
            case _:
                self._count(message)
        if topic.message is Message.DDEATH:
            self.births.pop(topic.device, None)
            return None
        is_new = topic.device not in self.births
        if topic.message in {Message.NBIRTH, Message.DBIRTH} and not (is_new and len(self.births) >= _MAX_DEVICES):
            self.births[topic.device] = _birth(message)
        birth = self.births.get(topic.device) if self.born else None
        self.wanting = birth is None or not birth.explains(message)
        return birth

    def _count(self, message: Payload) -> None:
        """Notice what was missed; the same number again is the same message again."""
        if message.seq is None:
            return
        if message.seq not in {self.seq, (self.seq + 1) % _SEQUENCE}:
            self.born = False
        self.seq = message.seq

    def request(self, topic: Topic, now_ns: int) -> tuple[str, bytes] | None:
        """Give the command that asks for the births, if they are wanting and it wasn't asked a moment ago."""
        if not self.wanting:
            return None
        if now_ns - self.wanted_ns > _WELL_NS:
            self.wait_ns = 0
        self.wanted_ns = now_ns
        if now_ns - self.asked_ns < self.wait_ns:
            return None
        self.asked_ns, self.wait_ns = now_ns, min(max(2 * self.wait_ns, _ASK_AGAIN_NS), _ASK_SELDOM_NS)
        return topic.command, payload.rebirth_request(now_ns // 10**6)


class Sessions:
    """All edge nodes of an input; one that is forgotten for others is asked for its births again."""

    def __init__(self) -> None:
        self._nodes: OrderedDict[tuple[str, str], EdgeNode] = OrderedDict()

    def forget(self) -> None:
        """Trust no birth that came so far: for an input that was away, and can't know what it missed."""
        for node in self._nodes.values():
            node.born, node.births = False, {}

    def complete(self, origin: Origin, data: bytes, received_ns: int) -> Completed:
        """Complete a message; what can't be read stays as it is, and the decoder says why.

        Args:
            origin: Its `topic` parameter is the MQTT topic.
            data: The message's payload.
            received_ns: When it came, nanoseconds UTC.
        """
        try:
            topic = parse(origin.parameters.get("topic", ""))
            if topic.message in _SILENT:
                return Completed(origin, data)
        except Malformed:
            return Completed(origin, data)
        try:
            message = payload.read(data)
        except Malformed:
            if topic.message is Message.NBIRTH:  # whatever it said, the aliases so far are no longer good
                self._node(topic).born = False
            return Completed(origin, data)
        node = self._node(topic)
        birth = node.observe(topic, message)
        request = node.request(topic, received_ns)
        if birth is None:
            return Completed(origin, data, request)
        known = Origin(origin.input, origin.decoder, {"kind": birth.kind} | origin.parameters)
        return Completed(known, _written_in(message, data, birth), request)

    def _node(self, topic: Topic) -> EdgeNode:
        key = (topic.group, topic.node)
        node = self._nodes.setdefault(key, EdgeNode())
        self._nodes.move_to_end(key)
        if len(self._nodes) > _MAX_NODES:
            self._nodes.popitem(last=False)
        return node


def _birth(message: Payload) -> _Birth:
    return _Birth(
        metrics.kind_at_birth(message.metrics),
        {metric.name: metric for metric in message.metrics if metric.name},
        {metric.alias: metric for metric in message.metrics if metric.alias is not None},
        metrics.renamed_at_birth(message.metrics),
    )


def _written_in(message: Payload, data: bytes, birth: _Birth) -> bytes:
    lacking = False
    raw: list[bytes] = []
    for metric in message.metrics:
        at_birth = birth.by_name.get(metric.name) if metric.name else birth.by_alias.get(metric.alias)
        more = b"" if at_birth is None else payload.lacking(metric, at_birth)
        if at_birth is not None and at_birth.name in birth.renamed:
            more += payload.named(birth.renamed[at_birth.name])
        lacking = lacking or bool(more)
        raw.append(metric.raw + more)
    return payload.written(message, raw) if lacking else data


def _birth_number(message: Payload) -> float | None:
    return next((metric.value for metric in message.metrics if metric.name == _BIRTH_NUMBER), None)

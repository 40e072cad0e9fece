"""What has to be remembered of Sparkplug's edge nodes: births, aliases and sequence numbers. No sockets, no clock.

Feed every message of `spBv1.0/#` in its order. Data whose birth was not seen, or that comes after a gap in the
sequence, may mean something else than its aliases say, so it goes to quarantine unless its metrics bear their names,
and the edge node is asked for its births: publish `Fed.request`. Sparkplug Specification 3.0.0, chapters 5 and 6.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from city.errors import Malformed, Reason
from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.decoders.context import Context, checked
from gateway.decoders.origin import Origin
from gateway.decoders.sparkplug import metrics, payload
from gateway.decoders.sparkplug.metrics import Definition
from gateway.decoders.sparkplug.payload import Metric, Payload
from gateway.decoders.sparkplug.topic import Message, Topic, parse

_SEQUENCE: Final = 256
_ASK_AGAIN_NS: Final = 10 * 10**9
_MOST_NODES: Final = 10_000
_BIRTH_NUMBER: Final = "bdSeq"


class Fed(NamedTuple):
    """What came of a message.

    Attributes:
        readings: What it measured.
        undecoded: The message itself, where it could not be understood.
        request: Topic and payload of a command to publish at QoS 0; None: nothing to ask.
    """

    readings: list[Reading]
    undecoded: list[Undecoded]
    request: tuple[str, bytes] | None = None


@dataclass(slots=True)
class _Born:
    """What the birth of a device, or of the edge node itself, said."""

    kind: str
    by_name: dict[str, Definition]
    by_alias: dict[int | None, Definition]


@dataclass(slots=True)
class EdgeNode:
    """One edge node.

    Attributes:
        born: Whether its births are known and nothing was missed since.
        seq: Number of its last message.
        birth_number: `bdSeq` of its birth, which its death repeats.
        devices: Name to birth; the empty name is the edge node itself.
        wanting: Whether the last message needed a birth that isn't known.
        asked_ns: When it was asked for its births, nanoseconds UTC.
    """

    born: bool = False
    seq: int = 0
    birth_number: float | None = None
    devices: dict[str, _Born] = field(default_factory=dict)
    wanting: bool = False
    asked_ns: int | None = None

    def feed(self, topic: Topic, message: Payload, context: Context) -> list[Reading]:
        """Take a message.

        Raises:
            Malformed: It can't be understood.
        """
        self.wanting = False
        match topic.message:
            case Message.NBIRTH:
                self.born, self.seq, self.devices = True, message.seq or 0, {}
                self.birth_number = _birth_number(message)
                return self._birth(topic, message, context)
            case Message.NDEATH:
                if self.birth_number in {None, _birth_number(message)}:
                    self.born = False
                return []
            case Message.DBIRTH:
                self._count(message)
                return self._birth(topic, message, context)
            case Message.DDEATH:
                self._count(message)
                self.devices.pop(topic.device, None)
                return []
            case Message.NDATA | Message.DDATA:
                self._count(message)
                return self._data(topic, message, context)
            case _:
                return []

    def _count(self, message: Payload) -> None:
        """Notice what was missed; the same number again is the same message again."""
        if message.seq is None:
            return
        if message.seq not in {self.seq, (self.seq + 1) % _SEQUENCE}:
            self.born = False
        self.seq = message.seq

    def _birth(self, topic: Topic, message: Payload, context: Context) -> list[Reading]:
        rows = [(metric, metrics.defined(metric) or Definition(None)) for metric in message.metrics]
        definitions = [row for _, row in rows]
        born = _Born(
            metrics.kind_at_birth(definitions, context),
            {metric.name: row for metric, row in rows if metric.name},
            {metric.alias: row for metric, row in rows if metric.alias is not None},
        )
        self.devices[topic.device] = born
        return metrics.readings(topic, message, rows, context, born.kind)

    def _data(self, topic: Topic, message: Payload, context: Context) -> list[Reading]:
        born = self.devices.get(topic.device) if self.born else None
        self.wanting = True
        rows = [(metric, _define(metric, born)) for metric in message.metrics]
        self.wanting = born is None
        return metrics.readings(topic, message, rows, context, None if born is None else born.kind)


class Sessions:
    """All edge nodes that a link hears; a forgotten one is asked for its births again."""

    def __init__(self) -> None:
        self._nodes: OrderedDict[tuple[str, str], EdgeNode] = OrderedDict()

    def feed(self, origin: Origin, data: bytes, received_ns: int) -> Fed:
        """Take a message.

        Args:
            origin: Its `topic` parameter is the MQTT topic.
            data: The message's payload.
            received_ns: When it came, nanoseconds UTC.
        """
        try:
            topic = parse(origin.parameters.get("topic", ""))
        except Malformed as error:
            return Fed([], [_kept(origin, data, received_ns, error)])
        if topic.message in {Message.STATE, Message.NCMD, Message.DCMD}:
            return Fed([], [])
        node = self._node(topic)
        readings: list[Reading] = []
        undecoded: list[Undecoded] = []
        try:
            readings = checked(node.feed(topic, payload.read(data), origin.context(received_ns)))
        except Malformed as error:
            undecoded = [_kept(origin, data, received_ns, error)]
        content = topic.message is Message.NDEATH or (node.born and not node.wanting)
        return Fed(readings, undecoded, None if content else _request(node, topic, received_ns))

    def _node(self, topic: Topic) -> EdgeNode:
        key = (topic.group, topic.node)
        node = self._nodes.setdefault(key, EdgeNode())
        self._nodes.move_to_end(key)
        if len(self._nodes) > _MOST_NODES:
            self._nodes.popitem(last=False)
        return node


def _define(metric: Metric, born: _Born | None) -> Definition:
    known = None
    if born is not None:
        known = born.by_name.get(metric.name) if metric.name else born.by_alias.get(metric.alias)
    definition = known or metrics.defined(metric)
    if definition is None:
        why = "no birth is known that names it" if born is None else "the birth doesn't name it"
        raise Malformed(Reason.UNDECODED, f"alias {metric.alias}: {why}")
    return definition


def _birth_number(message: Payload) -> float | None:
    return next((metric.value for metric in message.metrics if metric.name == _BIRTH_NUMBER), None)


def _request(node: EdgeNode, topic: Topic, now_ns: int) -> tuple[str, bytes] | None:
    if node.asked_ns is not None and now_ns - node.asked_ns < _ASK_AGAIN_NS:
        return None
    node.asked_ns = now_ns
    return topic.command, payload.rebirth_request(now_ns // 10**6)


def _kept(origin: Origin, data: bytes, received_ns: int, error: Malformed) -> Undecoded:
    return Undecoded(str(origin), data, received_ns, str(error.reason), error.detail)

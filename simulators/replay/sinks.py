"""Where replayed readings go: a broker, or a gateway's HTTP link."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec

from city import topics
from city.errors import Malformed, Unavailable
from city.reading import Reading
from city.wire import direct
from simulators.publisher import Publisher
from simulators.replay.post import Poster
from simulators.replay.record import Record
from simulators.replay.recording import Item

_WAIT_S: Final = 0.05
_encoder: Final = msgspec.json.Encoder()


class Sink(Protocol):
    """Takes items, bundles them and sees them confirmed. Its calls return early when the replay is stopped."""

    @property
    def sent(self) -> int:
        """Readings handed over."""

    @property
    def confirmed(self) -> int:
        """Of these, confirmed."""

    @property
    def refused(self) -> int:
        """Of these, refused for good."""

    @property
    def reason(self) -> str:
        """Why the last one was refused."""

    def accept(self, item: Item) -> None:
        """Take one item; it may wait for others of its device."""

    def flush(self) -> None:
        """Hand over what waits."""

    def finish(self) -> None:
        """Hand over what waits, and wait until all is confirmed."""


class BrokerSink:
    """Publishes direct payloads of one device each, QoS 1; `Sink` says the rest."""

    def __init__(self, publisher: Publisher, province: str, batch: int, stop: threading.Event) -> None:
        self.sent = 0
        self._publisher = publisher
        self._province = province
        self._batch = batch
        self._stop = stop
        self._waiting: dict[tuple[str, str], list[Reading]] = {}

    @property
    def confirmed(self) -> int:
        """Readings in messages that got their PUBACK."""
        return self._publisher.confirmed

    @property
    def refused(self) -> int:
        """Readings in messages that the broker refused."""
        return self._publisher.refused

    @property
    def reason(self) -> str:
        """The broker's reason."""
        return self._publisher.reason

    def accept(self, item: Item) -> None:
        """Take a reading, or publish a record's message at once."""
        if isinstance(item, Record):
            self._publish(item.topic, item.payload, 1)
            return
        waiting = self._waiting.setdefault((item.kind, item.device), [])
        waiting.append(item)
        if len(waiting) >= self._batch:
            self._send(waiting)
            waiting.clear()

    def flush(self) -> None:
        """Publish what waits."""
        for waiting in self._waiting.values():
            if waiting:
                self._send(waiting)
        self._waiting.clear()

    def finish(self) -> None:
        """Publish what waits, and wait for the last PUBACK; while the broker is away, as long as that takes."""
        self.flush()
        while self._publisher.pending and not self._stop.is_set():
            self._publisher.check()
            self._publisher.wait(_WAIT_S)

    def _send(self, readings: Sequence[Reading]) -> None:
        for payload, part in fitting(readings, lambda part: direct.encode(list(part))):
            self._publish(topics.of_reading(self._province, part[0]), payload, len(part))

    def _publish(self, topic: str, payload: bytes, readings: int) -> None:
        while not self._publisher.room:
            if self._stop.is_set():
                return
            self._publisher.check()
            self._publisher.wait(_WAIT_S)
        self._publisher.publish(topic, payload, readings)
        self.sent += readings


class GatewaySink:
    """Posts native JSON arrays, of several devices, to a gateway; `Sink` says the rest."""

    def __init__(self, poster: Poster, batch: int, stop: threading.Event) -> None:
        self.sent = self.confirmed = self.refused = 0
        self.reason = ""
        self._poster = poster
        self._batch = batch
        self._stop = stop
        self._waiting: list[Reading] = []

    def accept(self, item: Item) -> None:
        """Take a reading."""
        if isinstance(item, Record):
            raise TypeError("a record can't go through a gateway's HTTP link")
        self._waiting.append(item)
        if len(self._waiting) >= self._batch:
            self.flush()

    def flush(self) -> None:
        """Post what waits; the answer confirms it."""
        for payload, part in fitting(self._waiting, _native):
            if self._stop.is_set():
                break
            self.sent += len(part)
            try:
                if self._poster.post(payload, self._stop):
                    self.confirmed += len(part)
            except Malformed as error:
                self.refused += len(part)
                self.reason = error.detail
        self._waiting.clear()

    def finish(self) -> None:
        """Post what waits."""
        self.flush()


Encode = Callable[[Sequence[Reading]], bytes]


def fitting(readings: Sequence[Reading], encode: Encode) -> list[tuple[bytes, Sequence[Reading]]]:
    """Encode readings in as few payloads as the wire's limit of bytes allows.

    Raises:
        Unavailable: One reading alone is larger than that.
    """
    if not readings:
        return []
    payload = encode(readings)
    if len(payload) <= direct.MAX_BYTES:
        return [(payload, list(readings))]
    if len(readings) == 1:
        raise Unavailable(
            f"a reading of {readings[0].device} takes {len(payload)} bytes; {direct.MAX_BYTES} are the most"
        )
    half = len(readings) // 2
    return fitting(readings[:half], encode) + fitting(readings[half:], encode)


def _native(readings: Sequence[Reading]) -> bytes:
    rows: list[dict[str, Any]] = []
    for reading in readings:
        row = msgspec.json.decode(direct.encode([reading]))
        rows.append({"device": reading.device, "kind": reading.kind} | row)
    return _encoder.encode(rows)

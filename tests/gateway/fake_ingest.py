"""Stands in for ingest: a paho client that reads packs and sends receipts, as slowly or badly as a test wants."""

import threading
import time
from typing import Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from city import topics
from city.reading import Reading
from city.wire import pack, receipt, status
from city.wire.pack import Pack
from city.wire.status import Status

PROVINCE = "th-30"
GATEWAY = "gw-test"


class FakeIngest:
    """Keeps every pack it saw, duplicates included.

    Args:
        port: The broker's.
        answers: Whether each pack gets a receipt at once.

    Attributes:
        pause_s: Seconds that each pack costs.
        ahead_s: How far its clock is ahead.
        key: What it signs receipts with.
    """

    def __init__(self, port: int, *, answers: bool = True, name: str = "fake-ingest") -> None:
        self.answers = answers
        self.pause_s = 0.0
        self.ahead_s = 0.0
        self.key: bytes | None = None
        self.packs: list[Pack] = []
        self.statuses: list[Status] = []
        self._ready = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTProtocolVersion.MQTTv5)
        self.client.reconnect_delay_set(0.05, 0.2)
        self.client.on_connect = lambda client, *_: client.subscribe(
            [
                (topics.pack(PROVINCE, GATEWAY), paho.SubscribeOptions(qos=1)),
                (topics.status(PROVINCE, GATEWAY), paho.SubscribeOptions(qos=1)),
            ]
        )
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.on_message = self._on_message
        self._port = port

    def __enter__(self) -> Self:
        self.client.connect("127.0.0.1", self._port)
        self.client.loop_start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_message(self, client: paho.Client, userdata: object, message: paho.MQTTMessage) -> None:
        del client, userdata
        if message.topic.endswith("status"):
            self.statuses.append(status.decode(message.payload))
            return
        got = pack.decode(message.payload, GATEWAY)
        self.packs.append(got)
        time.sleep(self.pause_s)
        if self.answers:
            self.settle(got.spool, (got.seq, got.seq))

    def settle(self, spool: str, *ranges: tuple[int, int]) -> None:
        """Send a receipt."""
        at_ns = time.time_ns() + round(self.ahead_s * 1e9)
        done = receipt.Receipt(spool, list(ranges), at_ns)
        if self.key is not None:
            receipt.sign(done, GATEWAY, self.key)
        self.say(receipt.encode(done))

    def say(self, payload: bytes) -> None:
        """Send anything on the receipts' topic."""
        self.client.publish(topics.receipt(PROVINCE, GATEWAY), payload, qos=1)

    def numbers(self) -> list[int]:
        """Give the numbers of the packs seen, in order, duplicates included."""
        return [got.seq for got in list(self.packs)]

    def readings(self) -> list[Reading]:
        """Give the readings of all distinct packs, in order of their numbers."""
        distinct = {got.seq: got for got in list(self.packs)}
        return [
            reading
            for _, got in sorted(distinct.items())
            for block in got.readings
            for reading in pack.to_batch(block).readings()
        ]

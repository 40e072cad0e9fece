"""Receipts: gateways learn which packs they may forget."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from city import topics
from city.mqtt import MqttError, Session
from city.wire import receipt
from city.wire.receipt import Receipt, to_ranges
from ingest.load import FlushInput, PackMessage

log = structlog.get_logger("ingest")


def receipts(taken: FlushInput) -> list[tuple[str, str, Receipt]]:
    """Make the receipts of a flush as (province, gateway, receipt); packs settled before get another one."""
    packs = [message for message in taken.accepted if isinstance(message, PackMessage)]
    packs += [refusal.pack for refusal in taken.refused if refusal.pack is not None]
    numbers: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for message in packs:
        numbers[message.province, message.pack.gateway, message.pack.spool].append(message.pack.seq)
    return [
        (province, gateway, Receipt(spool, to_ranges(done))) for (province, gateway, spool), done in numbers.items()
    ]


@dataclass(slots=True)
class ReceiptSender:
    """Sends receipts without waiting for the broker; a gateway asks for a lost one by sending its pack again.

    Attributes:
        session: Where they are published.
        key: What gateways share with ingest, to sign receipts with; None: they are not signed.
    """

    session: Session
    key: bytes | None = None
    read_clock: Callable[[], int] = time.time_ns
    _sending: set[asyncio.Task[None]] = field(default_factory=set)

    def send(self, taken: FlushInput) -> None:
        """Begin to send the receipts of a flush."""
        for province, gateway, done in receipts(taken):
            done.at_ns = self.read_clock()
            if self.key is not None:
                receipt.sign(done, gateway, self.key)
            topic = topics.receipt(province, gateway)
            task = asyncio.create_task(self._publish(topic, receipt.encode(done)), name=f"receipt to {gateway}")
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def finish(self, within_s: float) -> None:
        """Wait so long for receipts that are being sent."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=within_s)

    async def _publish(self, topic: str, payload: bytes) -> None:
        try:
            await self.session.publish(topic, payload)
        except MqttError as error:
            log.info("receipt not sent", topic=topic, error=str(error))

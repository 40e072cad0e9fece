"""A relay with its spool and session, in short patience, for `async with`."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import mqtt5
from fake_ingest import GATEWAY, PROVINCE

from city import topics
from city.mqtt import Address, Session, Subscription
from city.reading import Reading
from city.wire import pack, receipt
from gateway.outbox.relay import Relay, RelayConfig
from gateway.outbox.spool import Spool
from gateway.outbox.status_publisher import will

T0 = 1_763_870_000 * 10**9
QUICK = RelayConfig(pack_readings=10, pack_age_s=0.01, max_inflight_packs=8, resend_s=0.3, max_resend_s=0.6)


def reading(number: int, device: str = "dev-1") -> Reading:
    """Give a reading that is told from others by its number."""
    return Reading(device, "weather", T0 + number, {"temperature": float(number), "humidity": 60.0})


async def until(true: Callable[[], bool], within_s: float = 15.0) -> None:
    """Wait until something is true, or fail."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not become true in time"
        await asyncio.sleep(0.01)


class Rig:
    """A running relay.

    Args:
        port: The broker's.
        file: The spool's.
    """

    def __init__(self, port: int, file: Path) -> None:
        self.file = file
        self.config = QUICK
        self.spool_bytes = 64 * 2**20
        self._port = port

    async def __aenter__(self) -> Self:
        self.worker = ThreadPoolExecutor(1)
        self.spool = Spool(self.file, GATEWAY, self.spool_bytes)
        self.session = Session(
            Address("127.0.0.1", self._port),
            client_id=GATEWAY,
            subscriptions=[Subscription(topics.receipt(PROVINCE, GATEWAY))],
            will=will(topics.status(PROVINCE, GATEWAY)),
        )
        await self.session.__aenter__()
        self.relay = Relay(
            self.spool, self.worker, self.session, province=PROVINCE, gateway=GATEWAY, config=self.config
        )
        self.task = asyncio.create_task(self.relay.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.wait((self.task,))
        await self.session.__aexit__(None, None, None)
        self.worker.shutdown()
        self.spool.close()

    async def accept(self, *numbers: int) -> None:
        """Hand over readings of these numbers in one call."""
        await self.relay.accept([reading(number) for number in numbers], [])

    async def emptied(self) -> None:
        """Wait until nothing waits for a receipt."""
        await until(lambda: self.spool.pending.packs == 0)


class OddBroker:
    """Broker and ingest in one, of a kind that goes away over some messages. For `async with`.

    Args:
        takes: Says of a pack's number, 0 for the status, and of the connection, from 1, whether it is taken.
        receive_max: Messages that it takes at a time.

    Attributes:
        came: Numbers of the packs that reached it, taken or not.
        taken: Numbers of those that it took, each with a receipt.
        connections: How many there were.
    """

    def __init__(self, takes: Callable[[int, int], bool], *, receive_max: int = 100) -> None:
        self.came: list[int] = []
        self.taken: list[int] = []
        self.connections = 0
        self._takes = takes
        self._receive_max = receive_max

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection, waiting = self.connections, b""
        while more := await reader.read(65536):
            waiting += more
            while waiting:
                try:
                    packet, size = mqtt5.read(memoryview(waiting))
                except IndexError:
                    break
                waiting = waiting[size:]
                answer = self._answer(packet, connection)
                writer.write(answer)
                if not answer:
                    writer.close()
                    return
        writer.close()

    def _answer(self, packet: mqtt5.Packet, connection: int) -> bytes:
        """Give the bytes to answer with; none to close the connection."""
        match packet:
            case mqtt5.ConnectPacket():
                return mqtt5.ConnAckPacket(receive_max=self._receive_max).write()
            case mqtt5.SubscribePacket():
                granted = mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE
                return mqtt5.SubAckPacket(packet.packet_id, [granted]).write()
            case mqtt5.PublishPacket():
                taken = mqtt5.PubAckPacket(packet.packet_id or 0).write()
                if packet.topic == topics.status(PROVINCE, GATEWAY):
                    return taken if self._takes(0, connection) else b""
                got = pack.decode(packet.payload, GATEWAY)
                self.came.append(got.seq)
                if not self._takes(got.seq, connection):
                    return b""
                self.taken.append(got.seq)
                settled = receipt.encode(receipt.Receipt(got.spool, [(got.seq, got.seq)]))
                return taken + mqtt5.PublishPacket(topics.receipt(PROVINCE, GATEWAY), settled).write()
            case _:
                return b""

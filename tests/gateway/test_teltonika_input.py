"""A tracker on a socket of a gateway that is killed with -9: nothing is lost, and what comes again is one value."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Final

import pytest
from fake_ingest import GATEWAY, FakeIngest
from rig import until

from city.reading import Reading
from support import teltonika as tracker
from support.mosquitto import Mosquitto
from support.ports import accepts, free_port
from support.process import Process

IMEI: Final = "356000000000017"
T0_MS: Final = 1_764_900_000_000

PROGRAM: Final = """
import asyncio, sys
from pathlib import Path
from city.mqtt import Address
from gateway.run import run
from gateway.settings import GatewaySettings
broker, http, data, name, age = sys.argv[1:]
settings = GatewaySettings(id=name, http_port=int(http), pack_age_ms=int(age), resend_s=0.5)
asyncio.run(
    run(settings, province="th-30", address=Address("127.0.0.1", int(broker)), data=Path(data), stop=asyncio.Event())
)
"""


class Gateway:
    """A gateway with a link for trackers.

    Attributes:
        port: Where trackers connect, over TCP and UDP.
    """

    def __init__(self, broker: Mosquitto, folder: Path) -> None:
        self.port = free_port()
        self._arguments = [str(broker.port), str(free_port()), str(folder), GATEWAY]
        self._folder = folder
        tables = (f'[[input.{way}]]\nprotocol = "teltonika"\nport = {self.port}\n' for way in ("tcp", "udp"))
        (folder / "gateway.toml").write_text("\n".join(tables))
        self._process: Process | None = None

    async def start(self, pack_age_ms: int = 10) -> None:
        """Start it; a reading waits this long before it is on disk."""
        command = [sys.executable, "-c", PROGRAM, *self._arguments, str(pack_age_ms)]
        self._process = Process(command, self._folder / "log", name="gateway", ready=lambda: accepts(self.port))
        await asyncio.to_thread(self._process.start)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        if self._process is not None:
            self._process.kill()


@pytest.fixture
async def gateway(broker: Mosquitto, tmp_path: Path) -> AsyncIterator[Gateway]:
    made = Gateway(broker, tmp_path)
    yield made
    made.kill()


@contextlib.asynccontextmanager
async def connection(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(tracker.login(IMEI))
        assert await reader.readexactly(1) == b"\x01"
        yield reader, writer
    finally:
        writer.close()


def record(number: int) -> tracker.Told:
    return tracker.Told(
        T0_MS + number,
        lat=149_700_000 + number,
        lon=1_021_000_000,
        satellites=9,
        speed=number % 120,
        io={239: (1, 1), 25: (2, number % 1_900)},
    )


def frame(numbers: Iterable[int]) -> bytes:
    return tracker.tcp(tracker.body(tracker.CODEC_8E, [record(number) for number in numbers]))


def got(readings: Iterable[Reading]) -> list[tuple[str, int]]:
    """Give kind and number of each reading, and see that each is what the tracker told."""
    pairs = []
    for reading in readings:
        number = (reading.time_ns // 1_000_000) - T0_MS
        assert reading.device == f"imei-{IMEI}"
        assert reading.lat == pytest.approx((149_700_000 + number) / 1e7)
        if reading.kind == "vehicle":
            assert reading.values["speed"] == number % 120
        else:
            assert reading.values == {"temperature": pytest.approx(number % 1_900 / 100)}
        pairs.append((reading.kind, number))
    return pairs


async def test_what_is_lost_between_receipt_and_spool_comes_again_and_arrives_once(
    gateway: Gateway, ingest: FakeIngest
) -> None:
    await gateway.start(pack_age_ms=60_000)
    async with connection(gateway.port) as (reader, writer):
        writer.write(frame(range(5)))
        with pytest.raises(TimeoutError):  # it has the frame, and the disk has not
            await asyncio.wait_for(reader.readexactly(4), 0.5)
        gateway.kill()
        assert await reader.read() == b""
    await gateway.start()
    async with connection(gateway.port) as (reader, writer):
        writer.write(frame(range(5)))
        assert await reader.readexactly(4) == (5).to_bytes(4)
    await until(lambda: len(ingest.readings()) >= 10)
    assert sorted(got(ingest.readings())) == [(kind, n) for kind in ("cargo", "vehicle") for n in range(5)]


async def send_all(port: int, told: list[bool]) -> None:
    """Send frame after frame as a tracker does: the next one only when this one was acknowledged."""
    while not all(told):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            async with connection(port) as (reader, writer):
                while not all(told):
                    number = told.index(False)
                    writer.write(frame([2 * number, 2 * number + 1]))
                    assert await reader.readexactly(4) == (2).to_bytes(4)
                    told[number] = True
        await asyncio.sleep(0.02)


async def test_nothing_is_lost_though_the_gateway_is_killed_again_and_again(
    gateway: Gateway, ingest: FakeIngest
) -> None:
    told = [False] * 60
    sending = asyncio.create_task(send_all(gateway.port, told))
    for _ in range(3):
        await gateway.start()
        before = sum(told)
        await until(lambda enough=before + 12: sum(told) >= enough or sending.done())
        gateway.kill()
    await gateway.start()
    await asyncio.wait_for(sending, 30)
    wanted = {(kind, n) for kind in ("vehicle", "cargo") for n in range(2 * len(told))}
    await until(lambda: set(got(ingest.readings())) >= wanted)
    arrived = got(ingest.readings())
    assert set(arrived) == wanted
    # a frame whose acknowledgement the kill swallowed comes twice, with the same times: one value in the store
    assert len(arrived) - len(wanted) <= 3 * 4, "at most the frame of each kill"


async def test_a_datagram_is_acknowledged_when_the_spool_has_it(gateway: Gateway, ingest: FakeIngest) -> None:
    await gateway.start()
    answers: asyncio.Queue[bytes] = asyncio.Queue()

    class End(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            del addr
            answers.put_nowait(data)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        End, remote_addr=("127.0.0.1", gateway.port)
    )
    try:
        transport.sendto(tracker.udp(tracker.body(tracker.CODEC_8, [record(1), record(2)]), IMEI, 0xBEEF, 4))
        assert await asyncio.wait_for(answers.get(), 5) == bytes.fromhex("0005beef010402")
        gateway.kill()
    finally:
        transport.close()
    await gateway.start()
    await until(lambda: len(ingest.readings()) >= 4)
    assert sorted(got(ingest.readings())) == [("cargo", 1), ("cargo", 2), ("vehicle", 1), ("vehicle", 2)]

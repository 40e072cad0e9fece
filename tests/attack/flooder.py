"""An offender in a process of its own: sends one kind of garbage as fast as it is answered, until it is ended.

Run as `python flooder.py <flood> <broker's port> <gateway's HTTP port>`; its last line is how much it sent.
"""

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp

from city import topics
from city.batch import Batch
from city.mqtt import Address, Session
from city.reading import Reading
from city.wire import pack

PROVINCE: Final = "th-30"
Publish = Callable[[str, bytes], Awaitable[object]]


def garbage(number: int) -> tuple[str, bytes]:
    return topics.direct(PROVINCE, "rain", "offender"), _garbage(number)


def names(number: int) -> tuple[str, bytes]:
    return topics.direct(PROVINCE, "rain", "offender"), _json({"values": {f"q{number}_{k}": 1.0 for k in range(20)}})


def too_much(number: int) -> tuple[str, bytes]:
    at_ms = time.time_ns() // 10**6 - number
    return topics.direct(PROVINCE, "rain", "offender"), _json({"ts": at_ms, "values": {"rain_rate": 1.0}})


def invented_topics(number: int) -> tuple[str, bytes]:
    return topics.direct(PROVINCE, "rain", f"invented-{number}"), _json({"values": {"rain_rate": 1.0}})


def packed_names(number: int) -> tuple[str, bytes]:
    now_ns = time.time_ns()
    return _pack(number, [Reading("offender", "rain", now_ns + k, {f"q{number}_{k}": 1.0}) for k in range(20)])


def packed_devices(number: int) -> tuple[str, bytes]:
    now_ns = time.time_ns()
    return _pack(number, [Reading(f"i{number}-{k}", "rain", now_ns, {"rain_rate": 1.0}) for k in range(20)])


def input_garbage(number: int) -> tuple[str, bytes]:
    return "plant/rain/offender/up", _garbage(number)


PUBLISHED: Final = {
    make.__name__: make
    for make in (garbage, names, too_much, invented_topics, packed_names, packed_devices, input_garbage)
}
AT_ONCE: Final = 8
"""Requests that wait for their answers: the gateway answers when its disk has them."""

POSTED: Final = {"http_garbage": "native?device=offender&kind=rain", "ngsi_garbage": "ngsi"}


def _garbage(number: int) -> bytes:
    return f"{number}".encode().ljust(1_000, b"{")


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _pack(number: int, readings: list[Reading]) -> tuple[str, bytes]:
    block = pack.to_block(Batch.from_readings(readings))
    frame = pack.Pack("gw-bad", "spool", number + 1, number * len(readings), [block], [])
    return topics.pack(PROVINCE, "gw-bad"), pack.encode(frame)


async def main(flood: str, broker_port: int, http_port: int) -> int:
    """Flood until SIGTERM; gives how many messages were sent."""
    stop, sent = asyncio.Event(), 0
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    if flood in PUBLISHED:
        async with Session(Address("127.0.0.1", broker_port), client_id="offender", session_expiry_s=0) as session:
            await session.connected()
            while not stop.is_set():
                await session.publish(*PUBLISHED[flood](sent))
                sent += 1
    else:
        url = f"http://127.0.0.1:{http_port}/ingest/{POSTED[flood]}"

        async def post(client: aiohttp.ClientSession) -> None:
            nonlocal sent
            while not stop.is_set():
                sent += 1
                async with client.post(url, data=_garbage(sent)) as response:
                    await response.read()

        async with aiohttp.ClientSession() as client:
            await asyncio.gather(*(post(client) for _ in range(AT_ONCE)))
    return sent


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):
        count = asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    sys.stdout.write(f"\n{count}\n")

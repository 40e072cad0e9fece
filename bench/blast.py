"""A publisher that is faster than what it measures: frames made beforehand, many to a socket write.

Usage: python bench/blast.py PORT SHAPE COUNT RATE   (RATE in messages a second, 0 for as fast as the broker takes)
"""

import socket
import sys
import time
from itertools import islice
from typing import Final

import mqtt5
import numpy as np

from city import topics
from city.batch import Batch
from city.reading import Reading
from city.wire import direct, pack

DEVICES: Final = 1_000
PER_PACK: Final = 100
CHUNK: Final = 500
START_NS: Final = 1_764_900_000_000_000_000
QUANTITIES: Final = ("pm2_5", "pm10", "o3", "temperature", "humidity")
PROVINCE: Final = "th-30"


def readings(count: int):  # noqa: ANN201 - a generator of Reading
    """Rows of five values, from 1,000 devices in turn, one a second each."""
    chance = np.random.default_rng(7)
    values = np.round(chance.uniform(1, 90, (4096, len(QUANTITIES))), 1).tolist()
    for number in range(count):
        row = dict(zip(QUANTITIES, values[number % 4096], strict=True))
        time_ns = START_NS + number // DEVICES * 1_000_000_000
        yield Reading(f"aq-{number % DEVICES}", "air_quality", time_ns, row)


def direct_messages(count: int):  # noqa: ANN201 - a generator of (topic, payload)
    """One reading a message."""
    for reading in readings(count):
        yield topics.of_reading(PROVINCE, reading), direct.encode([reading])


def arrays(count: int):  # noqa: ANN201 - a generator of (topic, payload)
    """A hundred readings of one device a message, in JSON."""
    by_device = [[] for _ in range(DEVICES)]
    for reading in readings(-(-count // DEVICES) * DEVICES * PER_PACK):
        waiting = by_device[int(reading.device.removeprefix("aq-"))]
        waiting.append(reading)
        if len(waiting) == PER_PACK:
            yield topics.of_reading(PROVINCE, reading), direct.encode(waiting)
            waiting.clear()


def lines(count: int):  # noqa: ANN201 - a generator of (topic, payload)
    """A hundred readings a message, in InfluxDB's line protocol, as Telegraf's own agents send them."""
    rows = readings(count * PER_PACK)
    for _ in range(count):
        text = [
            f"{reading.kind},device={reading.device},province={PROVINCE} "
            f"{','.join(f'{key}={value}' for key, value in reading.values.items())} {reading.time_ns}"
            for reading in islice(rows, PER_PACK)
        ]
        yield f"city/{PROVINCE}/smart_city/lines/bench", "\n".join(text).encode()


def packs(count: int):  # noqa: ANN201 - a generator of (topic, payload)
    """A hundred readings a message, as a gateway packs them."""
    rows = readings(count * PER_PACK)
    spool = f"b{time.time_ns()}"
    for seq in range(1, count + 1):
        block = pack.to_block(Batch.from_readings(list(islice(rows, PER_PACK))))
        frame = pack.Pack("bench", spool, seq, (seq - 1) * PER_PACK, [block], [])
        yield topics.pack(PROVINCE, "bench"), pack.encode(frame)


SHAPES: Final = {"direct": direct_messages, "arrays": arrays, "lines": lines, "packs": packs}


def main() -> None:
    """Publish at QoS 1 and wait for every PUBACK."""
    port, shape, count, rate = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    with socket.create_connection(("127.0.0.1", port)) as link:
        link.sendall(mqtt5.ConnectPacket(client_id="blast", clean_start=True).write())
        link.recv(1024)
        messages = islice(SHAPES[shape](count), count)
        begun = time.monotonic()
        done = 0
        while chunk := list(islice(messages, CHUNK if not rate else max(1, min(CHUNK, int(rate / 50))))):
            frames = [
                mqtt5.PublishPacket(topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=number).write()
                for number, (topic, payload) in enumerate(chunk, 1)
            ]
            link.sendall(b"".join(frames))
            awaited = len(frames)
            rest = b""
            while awaited:
                rest += link.recv(65536)
                view = memoryview(rest)
                used = 0
                while used < len(rest):
                    try:
                        _, size = mqtt5.read(view[used:])
                    except IndexError:
                        break
                    used += size
                    awaited -= 1
                rest = rest[used:]
            done += len(frames)
            if rate and (ahead := done / rate - (time.monotonic() - begun)) > 0:
                time.sleep(ahead)


if __name__ == "__main__":
    main()

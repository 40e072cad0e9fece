"""The other doors under load: a device's own messages, an MQTT input, a tracker, files; odd times among it."""

import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from city import topics
from support import teltonika

START_MS = 1_764_900_000_000
IMEI = "356307042441013"
PAUSE_S = 0.02
FILE_ROWS = 50

GATEWAY_TOML = """
[[input.http]]

[[input.mqtt]]
topics = [{ filter = "plant/{kind}/{device}/up", decoder = "native" }]

[[input.tcp]]
protocol = "teltonika"
port = %d

[[input.folder]]
name = "wells"
path = "drop/wells"
parameters = { mapping = "wells" }

[mappings.wells]
kind = "water_level"
device = "well"
values = { level = "level" }
time = { path = "time", format = "ms" }
"""


class Doors:
    """Threads that hand readings over until `stop`, whatever is killed meanwhile.

    Args:
        broker: Port of the city's broker.
        tracker: Port on which a gateway listens for trackers.
        folder: Where a gateway takes files from.
    """

    def __init__(self, broker: int, tracker: int, folder: Path) -> None:
        self.sent = dict.fromkeys(("direct", "mqtt input", "tracker", "files"), 0)
        self._stopped = threading.Event()
        self._broker, self._tracker, self._folder = broker, tracker, folder
        work: list[Callable[[], None]] = [self._direct, self._mqtt_input, self._tracker_reports, self._files]
        self._threads = [threading.Thread(target=each, name=each.__name__, daemon=True) for each in work]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Return when everything was handed over."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive(), thread.name

    def files_are_done(self) -> bool:
        """Say whether every file was read and moved."""
        return not list(self._folder.glob("*.csv"))

    def _numbers(self) -> Iterator[int]:
        for number in itertools.count():
            if self._stopped.is_set():
                return
            yield number
            time.sleep(PAUSE_S)

    def _direct(self) -> None:
        with _client("device", self._broker) as client:
            for number in self._numbers():
                payload, retain = direct(number)
                topic = topics.direct("th-30", "water_level", f"own-{number % 7}")
                client.publish(topic, json.dumps(payload).encode(), qos=1, retain=retain)
                self.sent["direct"] += 1

    def _mqtt_input(self) -> None:
        with _client("plant", self._broker) as client:
            for number in self._numbers():
                payload, retain = direct(number)
                client.publish(f"plant/noise/hall-{number % 5}/up", json.dumps(payload).encode(), qos=1, retain=retain)
                self.sent["mqtt input"] += 1

    def _tracker_reports(self) -> None:
        link: socket.socket | None = None
        for number in self._numbers():
            told = [
                teltonika.Told(
                    START_MS + (2 * number + half) * 1000, 149_700_000, 1_021_000_000, satellites=9, speed=40
                )
                for half in (0, 1)
            ]
            frame = teltonika.tcp(teltonika.body(teltonika.CODEC_8, told))
            while link is None or not _is_taken(link, frame, len(told)):
                link = _log_in(self._tracker)
            self.sent["tracker"] += len(told)
        if link is not None:
            link.close()

    def _files(self) -> None:
        for number in self._numbers():
            self._folder.mkdir(parents=True, exist_ok=True)
            first = number * FILE_ROWS
            rows = [f"W-{row % 3},{START_MS + row * 1000},{row % 400}" for row in range(first, first + FILE_ROWS)]
            draft = self._folder / f"{number}.csv.part"
            draft.write_text("\n".join(["well,time,level", *rows, ""]))
            draft.rename(self._folder / f"{number}.csv")
            self.sent["files"] += FILE_ROWS
            self._stopped.wait(1)


def direct(number: int) -> tuple[object, bool]:
    """Give a payload and whether the broker keeps it: dated, undated, lists of both, and instants that come again."""
    ts = START_MS + number // 6 * 1000
    one = {"values": {"level": number % 300}}
    kinds: list[tuple[object, bool]] = [
        ({"ts": ts, **one}, False),
        ([one, one, one], False),
        ([{"ts": ts, **one}, {"ts": ts, "values": {"battery": 50}}, {"ts": ts, **one}], False),
        ({"ts": ts, "values": {"level": number}}, True),
        ([one, one, {"ts": ts + 1, **one}], True),
        (one, False),
    ]
    return kinds[number % len(kinds)]


@contextmanager
def _client(name: str, port: int) -> Iterator[paho.Client]:
    """Give a client that connects again and again; at the end it waits until all was acknowledged."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=name, clean_session=False)
    client.reconnect_delay_set(1, 1)
    client.max_queued_messages_set(0)
    while True:
        with suppress(OSError):
            client.connect("127.0.0.1", port)
            break
        time.sleep(0.1)
    client.loop_start()
    last: list[paho.MQTTMessageInfo] = []
    publish = client.publish

    def noting(*arguments: object, **more: object) -> paho.MQTTMessageInfo:
        info = publish(*arguments, **more)  # type: ignore[arg-type] # handed on
        last[:] = [info]
        return info

    client.publish = noting  # type: ignore[method-assign]
    yield client
    for info in last:
        info.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


def _log_in(port: int) -> socket.socket | None:
    """Give a connection of the tracker; None: there is none now."""
    time.sleep(0.1)
    try:
        link = socket.create_connection(("127.0.0.1", port), timeout=10)
    except OSError:
        return None
    with suppress(OSError):
        link.sendall(teltonika.login(IMEI))
        if link.recv(1) == b"\x01":
            return link
    link.close()
    return None


def _is_taken(link: socket.socket, frame: bytes, records: int) -> bool:
    """Send until it is acknowledged, as a tracker does, which deletes its records then; False: the link is broken."""
    with suppress(OSError):
        link.sendall(frame)
        if link.recv(4) == records.to_bytes(4):
            return True
    link.close()
    return False

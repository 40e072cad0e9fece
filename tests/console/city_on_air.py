"""An embedded platform as a process, and devices that publish to it."""

import http.client
import json
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import paho.mqtt.client as paho

from support.korat import room
from support.ports import free_port

AHEAD_S: Final = 3
"""Seconds by which a device's clock may be ahead here."""

AIR: Final = "test-air-1"
TRUCK: Final = "test-truck-1"


class CityOnAir:
    """`korat up --no-demo` with ports of its own, and a device's link to its broker."""

    def __init__(self, folder: Path) -> None:
        self.api, self._mqtt, self.gateway = free_port(), free_port(), free_port()
        environment = {
            "KORAT_MQTT_PORT": str(self._mqtt),
            "KORAT_API_PORT": str(self.api),
            "KORAT_GATEWAY_HTTP_PORT": str(self.gateway),
            "KORAT_INGEST_MAX_FUTURE_SKEW_S": str(AHEAD_S),
        }
        self._process = room("up --no-demo", folder, environment, ready_port=self.gateway)
        self._link = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="field")

    @property
    def url(self) -> str:
        """Where its console is."""
        return f"http://127.0.0.1:{self.api}"

    def __enter__(self) -> Self:
        self._process.start()
        self._link.connect("127.0.0.1", self._mqtt)
        self._link.loop_start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._link.disconnect()
        self._link.loop_stop()
        self._process.stop()

    def publish(self, kind: str, device: str, *readings: dict[str, object], stream: str = "smart_city") -> None:
        """Let a device say readings, and return when the broker has them."""
        said = self._link.publish(f"city/th-30/{stream}/{kind}/{device}", json.dumps(readings), qos=1)
        said.wait_for_publish(10)
        assert said.is_published()

    def air(self, value: float, *, device: str = AIR, at_s: float | None = None) -> None:
        """Let an air station say its PM2.5, now or at an instant."""
        values = {"pm2_5": value, "temperature": 29.5}
        when = int((at_s or time.time()) * 1000)
        self.publish("air_quality", device, {"ts": when, "values": values, "lat": 14.975, "lon": 102.098})

    def crowd(self, count: int) -> None:
        """Let many devices of several kinds say something at once, all over the province."""
        kinds = {"air_quality": "pm2_5", "traffic": "speed", "waste_bin": "fill_level", "street_light": "power"}
        now = int(time.time() * 1000)
        last = None
        for number in range(count):
            kind, quantity = list(kinds.items())[number % len(kinds)]
            place = {"lat": 14.4 + number % 50 * 0.025, "lon": 101.4 + number // 50 * 0.03}
            reading = {"ts": now, "values": {quantity: number % 60, "battery": 80}, **place}
            last = self._link.publish(f"city/th-30/smart_city/{kind}/crowd-{number:04}", json.dumps(reading), qos=1)
        if last is not None:
            last.wait_for_publish(30)
        until(lambda: len(self.devices()) >= count)

    def devices(self) -> list[Any]:
        """Everything that `/v1/latest` knows."""
        found: list[Any] = []
        cursor = ""
        while True:
            page = self.get(f"/v1/latest{cursor}")
            found += page["features"]
            if page["next"] is None:
                return found
            cursor = f"?cursor={page['next']}"

    def get(self, path: str) -> Any:
        """Ask its API."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.api, timeout=10)) as link:
            link.request("GET", path)
            answer = link.getresponse()
            body = answer.read()
        assert answer.status == http.client.OK, body
        return json.loads(body)


def until(true: Callable[[], bool], within_s: float = 20.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)

"""A whole embedded platform as a process, with ports and a data folder of its own."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.korat import room
from support.ports import free_port
from support.process import Process, descendants

KORAT = Path(sys.executable).with_name("korat")
WITHIN_S = 20.0


@dataclass
class Platform:
    """What belongs to one data folder."""

    folder: Path
    mqtt: int = field(default_factory=free_port)
    api: int = field(default_factory=free_port)
    gateway: int = field(default_factory=free_port)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "KORAT_DATA": str(self.folder),
            "KORAT_MQTT_PORT": str(self.mqtt),
            "KORAT_API_PORT": str(self.api),
            "KORAT_GATEWAY_HTTP_PORT": str(self.gateway),
            "KORAT_GATEWAY_RESEND_S": "1",
        }

    def up(self, *more: str, **settings: str) -> Process:
        """Give `korat up`, not started yet."""
        command = " ".join(["up", *(more or ["--no-demo"])])
        return room(command, self.folder, {**self.environment, **settings}, ready_port=self.gateway)

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return run_korat(command, self.folder.parent, {**self.environment, **more})

    def post(self, device: str, times_ms: list[int]) -> None:
        """Hand readings to the gateway, which has them on its disk afterwards."""
        readings = [
            {"device": device, "kind": "weather", "ts": time_ms, "values": {"temperature": 20.5}}
            for time_ms in times_ms
        ]
        with closing(http.client.HTTPConnection("127.0.0.1", self.gateway, timeout=10)) as link:
            link.request("POST", "/ingest/native", json.dumps(readings))
            answer = link.getresponse()
            body = answer.read()
        assert answer.status == http.client.ACCEPTED, body
        assert json.loads(body)["readings"] == len(readings), body

    def get(self, path: str) -> Any:
        with closing(http.client.HTTPConnection("127.0.0.1", self.api, timeout=10)) as link:
            link.request("GET", path)
            answer = link.getresponse()
            body = json.loads(answer.read())
        assert answer.status == http.client.OK, body
        return body

    def stored(self, readings: int) -> dict[str, Any]:
        """Wait until that many are stored, and return the ledger."""
        until(lambda: self.get("/v1/ledger")["stored"] >= readings)
        ledger: dict[str, Any] = self.get("/v1/ledger")
        return ledger


def run_korat(
    command: tuple[str, ...], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end, with nothing of our own environment's settings."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("KORAT_")}
    return subprocess.run(
        [KORAT, *command],
        cwd=folder,
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )


def until(true: Callable[[], bool], within_s: float = WITHIN_S) -> None:
    """Wait until something holds; the API may begin to listen a moment after the gateway, by which `up` is ready."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with suppress(ConnectionRefusedError):
            if true():
                return
        time.sleep(0.05)
    pytest.fail("it did not come true in time")


def mosquitto_of(process: Process) -> int:
    """Give the process id of its mosquitto."""
    (found,) = [pid for pid in descendants(process.pid) if Path(f"/proc/{pid}/comm").read_text() == "mosquitto\n"]
    return found

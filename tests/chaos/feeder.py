"""A device park behind one gateway: posts until it is told 202, as a device in the field does."""

import http.client
import json
import threading
import time
from dataclasses import dataclass, field

START_MS = 1_764_900_000_000
DEVICES = 20
PER_POST = 100
PAUSE_S = 0.1
QUANTITIES = ("speed", "odometer", "fuel_level")


@dataclass
class Feeder:
    """Sends `count` readings in order; a post whose answer got lost is sent again.

    Attributes:
        confirmed: Readings answered with 202.
        unsure: Readings of posts whose answer got lost: the gateway may hold them twice.
    """

    gateway: str
    port: int
    count: int
    confirmed: int = 0
    unsure: int = 0
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._run, name=f"feeder {self.gateway}", daemon=True)

    def reading(self, number: int) -> dict[str, object]:
        """The n-th reading: every one differs from all others in device or time, and in its values."""
        return {
            "device": f"{self.gateway}-{number % DEVICES}",
            "kind": "vehicle",
            "ts": START_MS + number // DEVICES * 1000,
            "values": {"speed": number % 120, "odometer": number / 8, "fuel_level": 50.5},
        }

    def expected(self, device: str) -> list[tuple[int, float]]:
        """Every (time in ns, odometer) of one device, in order."""
        own = int(device.rpartition("-")[2])
        return [
            ((START_MS + number // DEVICES * 1000) * 10**6, number / 8) for number in range(own, self.count, DEVICES)
        ]

    def _run(self) -> None:
        while self.confirmed < self.count:
            batch = [self.reading(n) for n in range(self.confirmed, min(self.count, self.confirmed + PER_POST))]
            if self._post(json.dumps(batch).encode()):
                self.confirmed += len(batch)
            time.sleep(PAUSE_S)

    def _post(self, body: bytes) -> bool:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            link.connect()
            link.request("POST", "/ingest/native", body, {"Content-Type": "application/json"})
            answer = link.getresponse()
            answer.read()
        except ConnectionRefusedError:
            return False
        except (OSError, http.client.HTTPException):
            self.unsure += PER_POST
            return False
        finally:
            link.close()
        return answer.status == http.client.ACCEPTED

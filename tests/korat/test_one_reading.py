"""One real reading goes through gateway, broker, ingest and store, and meets the files that ARCHITECTURE.md walks."""

import asyncio
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

import aiohttp

from city.mqtt import Address
from gateway.run import run
from gateway.settings import GatewaySettings
from support.ingesting import PROVINCE, platform
from support.mosquitto import Mosquitto
from support.pages import ROOT
from support.ports import free_port

MAX_OF_GATEWAY: Final = 14


class Tracer:
    """Notes which of our files are handed a reading: in an argument or an answer of a function stands its device."""

    def __init__(self, device: str) -> None:
        self.files: dict[str, None] = {}
        self._device = device

    def note(self, frame: FrameType, event: str, arg: Any) -> None:
        file = frame.f_code.co_filename
        if not file.startswith(_ROOMS) or file.removeprefix(_ROOT) in self.files:
            return
        if event == "call":
            names = frame.f_code.co_varnames[: frame.f_code.co_argcount + frame.f_code.co_kwonlyargcount]
            handed = [value for name, value in frame.f_locals.items() if name in names and name not in {"self", "cls"}]
        elif event == "return":
            handed = [arg]
        else:
            return
        if self._device in _text(handed):
            self.files[file.removeprefix(_ROOT)] = None

    @contextmanager
    def installed(self) -> Iterator[None]:
        threading.setprofile(self.note)
        sys.setprofile(self.note)
        try:
            yield
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]  # None ends it, though typeshed asks for a function


_ROOT: Final = f"{ROOT}/"
_ROOMS: Final = tuple(f"{ROOT}/{room}/" for room in ("gateway", "ingest", "city"))


def _text(handed: list[object]) -> str:
    try:
        return repr(handed)
    except (AttributeError, ValueError):  # of an object that is being made
        return ""


async def test_a_reading_meets_the_six_files_of_the_architecture_in_their_order(
    broker: Mosquitto, tmp_path: Path
) -> None:
    tracer = Tracer("one-reading")
    await send_one("one-reading", broker, tmp_path, tracer)
    page = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    walked = re.findall(r"^\d\. `([a-z_/]+\.py)`", page, re.MULTILINE)
    assert len(walked) == 6
    assert [file for file in tracer.files if file in walked] == walked, list(tracer.files)
    of_gateway = [file for file in tracer.files if file.startswith("gateway/")]
    assert len(of_gateway) <= MAX_OF_GATEWAY, of_gateway
    told = re.search(r"(\d+) of our files are handed it, (\d+) of them in the gateway", page)
    assert told is not None
    assert (int(told[1]), int(told[2])) == (len(tracer.files), len(of_gateway)), list(tracer.files)


async def send_one(device: str, broker: Mosquitto, folder: Path, tracer: Tracer) -> None:
    port, stop = free_port(), asyncio.Event()
    settings = GatewaySettings(http_port=port, self_metrics_interval_s=0)
    with tracer.installed():
        async with platform(broker, folder / "ingest") as ingest, aiohttp.ClientSession() as client:
            address = Address("127.0.0.1", broker.port)
            running = asyncio.create_task(run(settings, province=PROVINCE, address=address, data=folder, stop=stop))
            await ready(client, f"http://127.0.0.1:{port}")
            body = {"device": device, "kind": "weather", "values": {"temperature": 21.5}}
            async with client.post(f"http://127.0.0.1:{port}/ingest/native", json=body) as answer:
                assert answer.status == 202
            await ingest.received(1)
            stop.set()
            await running


async def ready(client: aiohttp.ClientSession, address: str) -> None:
    async with asyncio.timeout(15):
        while True:
            try:
                async with client.get(f"{address}/health/ready") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.05)

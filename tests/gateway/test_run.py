"""The whole gateway, its settings, its start and its end."""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import aiohttp
import paho.mqtt.client as paho
import pytest
from fake_ingest import GATEWAY, PROVINCE, FakeIngest
from paho.mqtt.enums import CallbackAPIVersion
from rig import until

from city.errors import Broken, ConfigurationError
from city.mqtt import Address
from city.settings import load
from gateway.run import run
from gateway.settings import GatewaySettings
from support.mosquitto import Mosquitto
from support.ports import accepts, free_port
from support.process import Process

PATH = "/ingest/native?device=aq-1&kind=air_quality"
GOOD = b'{"values": {"pm2_5": 18.2}}'


class Gateway:
    """A gateway in this process."""

    def __init__(self, broker: Mosquitto, data: Path, **settings: object) -> None:
        self.settings = GatewaySettings(id=GATEWAY, http_port=free_port(), pack_age_ms=10, **settings)  # type: ignore[arg-type]
        self.stop = asyncio.Event()
        self.url = f"http://127.0.0.1:{self.settings.http_port}"
        self.task = asyncio.create_task(
            run(
                self.settings,
                province=PROVINCE,
                address=Address("127.0.0.1", broker.port),
                data=data,
                stop=self.stop,
            )
        )

    async def live(self, client: aiohttp.ClientSession) -> None:
        while True:
            try:
                async with client.get(self.url + "/health/live"):
                    return
            except aiohttp.ClientConnectionError:
                assert not self.task.done(), await self.task
                await asyncio.sleep(0.02)

    async def post(self, client: aiohttp.ClientSession, body: bytes = GOOD) -> int:
        async with client.post(self.url + PATH, data=body) as response:
            return response.status

    async def end(self) -> float:
        began = time.monotonic()
        self.stop.set()
        await self.task
        return time.monotonic() - began


async def test_from_both_inputs_to_ingest_and_a_quick_clean_end(
    broker: Mosquitto, ingest: FakeIngest, tmp_path: Path
) -> None:
    topics = '[{ filter = "plant/{device}", decoder = "native", parameters = { kind = "rain" } }]'
    (tmp_path / "gateway.toml").write_text(f"[[input.mqtt]]\ntopics = {topics}\n")
    gateway = Gateway(broker, tmp_path)
    async with aiohttp.ClientSession() as client:
        await gateway.live(client)
        assert await asyncio.gather(*(gateway.post(client) for _ in range(20))) == [202] * 20
        assert await gateway.post(client, b"garbage") == 202
        device = paho.Client(CallbackAPIVersion.VERSION2, "a-device")
        device.connect("127.0.0.1", broker.port)
        device.loop_start()
        device.publish("plant/r-1", b'{"values": {"rain_rate": 2}}', qos=1).wait_for_publish(5)
        device.disconnect()
        device.loop_stop()
        await until(lambda: len(ingest.readings()) == 21)
        await until(lambda: any(got.undecoded for got in ingest.packs))
        assert await gateway.end() < 2
        assert {(got.device, got.kind) for got in ingest.readings()} == {("aq-1", "air_quality"), ("r-1", "rain")}
        await until(lambda: not ingest.statuses[-1].online)
        assert ingest.statuses[-1].pending == 0
        with pytest.raises(aiohttp.ClientConnectionError):
            await gateway.post(client)


async def test_what_was_answered_202_outlives_the_gateway_and_the_broker(
    broker: Mosquitto, ingest: FakeIngest, tmp_path: Path
) -> None:
    broker.kill()
    gateway = Gateway(broker, tmp_path)
    async with aiohttp.ClientSession() as client:
        await gateway.live(client)
        assert await asyncio.gather(*(gateway.post(client) for _ in range(20))) == [202] * 20
        posting = [asyncio.create_task(gateway.post(client)) for _ in range(5)]
        await asyncio.sleep(0.005)
        assert await gateway.end() < 2
        answers = await asyncio.gather(*posting, return_exceptions=True)
    taken = 20 + answers.count(202)
    broker.start()
    gateway = Gateway(broker, tmp_path)
    await until(lambda: len(ingest.readings()) >= taken)
    await gateway.end()


GATEWAY_PROCESS = """
import asyncio, sys
from pathlib import Path
from city.mqtt import Address
from gateway.run import run
from gateway.settings import GatewaySettings
broker, http, data, name = sys.argv[1:]
settings = GatewaySettings(id=name, http_port=int(http), pack_age_ms=10, resend_s=0.5)
asyncio.run(
    run(settings, province="th-30", address=Address("127.0.0.1", int(broker)), data=Path(data), stop=asyncio.Event())
)
"""


async def post_until_it_dies(client: aiohttp.ClientSession, url: str, numbers: Iterator[int]) -> list[int]:
    """Post reading after reading; give the numbers that were answered 202."""
    taken = []
    for number in numbers:
        body = json.dumps({"ts": 1_764_900_000_000 + number, "values": {"pm2_5": number}})
        try:
            async with client.post(url + PATH, data=body) as response:
                assert response.status == 202
        except aiohttp.ClientError:
            break
        taken.append(number)
    return taken


async def test_every_202_reaches_ingest_though_the_gateway_is_killed_again_and_again(
    broker: Mosquitto, ingest: FakeIngest, tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-c", GATEWAY_PROCESS, str(broker.port), str(port), str(tmp_path), GATEWAY]
    process = Process(command, tmp_path / "log", name="gateway", ready=lambda: accepts(port))
    numbers = count()
    taken: list[int] = []
    async with aiohttp.ClientSession() as client:
        for _ in range(3):
            await asyncio.to_thread(process.start)
            posting = [asyncio.create_task(post_until_it_dies(client, url, numbers)) for _ in range(8)]
            await asyncio.sleep(0.5)
            process.kill()
            taken += [number for task in posting for number in await task]
    process.start()
    assert len(taken) > 50
    try:
        await until(lambda: {int(got.values["pm2_5"]) for got in ingest.readings()} >= set(taken))
    finally:
        process.kill()
    assert sorted(set(ingest.numbers())) == list(range(1, max(ingest.numbers()) + 1)), "no number is missing"


async def test_a_client_that_stalls_does_not_hold_up_the_end(broker: Mosquitto, tmp_path: Path) -> None:
    gateway = Gateway(broker, tmp_path)
    async with aiohttp.ClientSession() as client:
        await gateway.live(client)
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.settings.http_port)
    writer.write(f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nhalf".encode())
    await asyncio.sleep(0.2)
    assert await gateway.end() < 2.5
    writer.close()


async def test_it_refuses_to_start_with_a_sentence(broker: Mosquitto, tmp_path: Path) -> None:
    (tmp_path / "broken.spool").write_bytes(b"")
    with pytest.raises(Broken, match=r"broken\.spool is empty"):
        await Gateway(broker, tmp_path, spool=Path("broken.spool")).task
    topics = '[{ filter = "wells/#", decoder = "mapped", parameters = { mapping = "wells" } }]'
    (tmp_path / "wrong.toml").write_text(f"[[input.mqtt]]\ntopics = {topics}\n")
    with pytest.raises(ConfigurationError, match=r"'wells/#': there is no \[mappings.wells\], only none"):
        await Gateway(broker, tmp_path, config_file=Path("wrong.toml")).task
    first = Gateway(broker, tmp_path)
    async with aiohttp.ClientSession() as client:
        await first.live(client)
    second = Gateway(broker, tmp_path, spool=Path("other.spool"))
    second.task.cancel()
    with pytest.raises(ConfigurationError, match="can't listen on 127"):
        await run(
            first.settings.model_copy(update={"spool": Path("third.spool")}),
            province=PROVINCE,
            address=Address("127.0.0.1", broker.port),
            data=tmp_path,
            stop=asyncio.Event(),
        )
    await asyncio.wait((second.task,))
    await first.end()


async def test_a_spool_that_breaks_ends_the_gateway_with_its_sentence(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object) -> None:
        raise Broken("the spool is damaged")

    monkeypatch.setattr("gateway.outbox.spool.Spool.append", damaged)
    gateway = Gateway(broker, tmp_path)
    async with aiohttp.ClientSession() as client:
        await gateway.live(client)
        assert await gateway.post(client) == 503
        with pytest.raises(Broken, match="the spool is damaged"):
            await gateway.task


def test_settings_come_from_the_environment() -> None:
    got = load(GatewaySettings, {"KORAT_GATEWAY_ID": "gw-7", "KORAT_GATEWAY_MAX_INFLIGHT_PACKS": "7"})
    assert (got.id, got.http_host, got.max_inflight_packs) == ("gw-7", "127.0.0.1", 7)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("ID", "Gate Way"),
        ("HTTP_PORT", "99999"),
        ("MAX_INFLIGHT_PACKS", "0"),
        ("PACK_READINGS", "1001"),
        ("SPOOL_BYTES", "1"),
    ],
)
def test_a_wrong_setting_is_named(key: str, text: str) -> None:
    with pytest.raises(ConfigurationError, match=f"KORAT_GATEWAY_{key}"):
        load(GatewaySettings, {f"KORAT_GATEWAY_{key}": text})

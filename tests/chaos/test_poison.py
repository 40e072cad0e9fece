"""One message in five is poison: nothing stalls, all is kept, and a mended decoder gets it all stored."""

import asyncio
import http.client
import json
import os
import random
import time
from pathlib import Path

import pytest

import gateway.inputs.http
import gateway.naming.decoding
from city.errors import Reason
from city.ledger.port import QuarantineState
from city.mqtt import Address
from city.outcomes import Counts
from city.reading import Reading
from gateway.decoders import Context, Decoded, DecodeError
from gateway.decoders.decoder import Rest
from gateway.naming import Decoding
from gateway.run import run
from gateway.settings import GatewaySettings
from support.ingesting import NOW_MS, PROVINCE, Platform, platform
from support.mosquitto import Mosquitto
from support.ports import free_port

SECONDS = 60 if os.environ.get("KORAT_CHAOS") == "long" else 6
A_SECOND = 150
POISON = (b"", b"\xff\x00", b"{", b"[" * 1000, b'{"values": {"rain_rate": NaN}}', b'{"values": {"rain_rate": "wet"}}')


class Legacy:
    """A decoder of `device;mm/h`, which at first doesn't know the newer `v2;device;mm/h`."""

    mended = False

    def decode(self, payload: bytes, context: Context) -> Decoded:
        cells = payload.decode().split(";")
        if cells[0] == "v2" and self.mended:
            cells = cells[1:]
        if len(cells) != 2:
            raise DecodeError(Reason.UNDECODED, f"{len(cells)} cells")
        return Decoded([Reading(cells[0], "rain", context.received_ns, {"rain_rate": float(cells[1])})], Rest())


@pytest.mark.timeout(SECONDS * 3 + 60)
@pytest.mark.chaos
async def test_a_fifth_of_poison_stalls_nothing_and_is_stored_after_a_mend(
    broker: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    legacy = Legacy()
    for module in (gateway.naming.decoding, gateway.inputs.http):
        monkeypatch.setattr(module, "DECODERS", {"legacy": legacy.decode})
    settings = GatewaySettings(id="gw-1", http_port=free_port(), self_metrics_interval_s=0)
    stop = asyncio.Event()
    async with platform(broker, tmp_path, decode=Decoding().decode_again) as korat, asyncio.TaskGroup() as tasks:
        address = Address("127.0.0.1", broker.port)
        tasks.create_task(run(settings, province=PROVINCE, address=address, data=tmp_path, stop=stop))
        sent, slowest_s = await _feed(korat, settings.http_port)
        total = sum(sent.values())
        counts = await korat.received(total)
        assert counts == Counts(
            received=total,
            stored=sent["direct"] + sent["legacy"],
            quarantined=sent["direct poison"] + sent["legacy poison"],
        )
        legacy.mended = True
        assert await korat.ledger.request_redrive(None, Reason.UNDECODED) == sent["legacy poison"]

        async def tried() -> bool:
            return not await korat.ledger.quarantine(state=QuarantineState.REQUESTED, limit=1)

        await korat.until(tried, within_s=60)
        after = await korat.counts()
        stop.set()
    assert after == Counts(
        received=total, stored=counts.stored + sent["legacy poison"], quarantined=sent["direct poison"]
    )
    assert slowest_s < 5
    with capsys.disabled():
        print(f"\n  {SECONDS} s of {sent}; then {counts}; after the mend {after}; slowest way in {slowest_s:.2f} s")


async def _feed(korat: Platform, port: int) -> tuple[dict[str, int], float]:
    """Send for a while, good and bad mixed; every second see that a good one gets through quickly."""
    chance = random.Random(20)
    sent = {"direct": 0, "direct poison": 0, "legacy": 0, "legacy poison": 0}
    slowest_s = 0.0
    await _open(port)
    answers: list[asyncio.Task[int]] = []
    for number in range(SECONDS * A_SECOND):
        poison = number % 5 == 0
        way = ("legacy" if number % 2 else "direct") + (" poison" if poison else "")
        device = f"r-{number % 40}"
        if way.startswith("direct"):
            good = json.dumps({"ts": NOW_MS - number, "values": {"rain_rate": 1.5}}).encode()
            await korat.send("rain", device, chance.choice(POISON) if poison else good)
        else:
            body = f"{'v2;' if poison else ''}{device};{number % 30}".encode()
            answers.append(asyncio.create_task(asyncio.to_thread(_post, port, body)))
        sent[way] += 1
        if number % A_SECOND == 0:
            slowest_s = max(slowest_s, await _probe(korat, number))
            sent["direct"] += 1
        await asyncio.sleep(1 / A_SECOND)
    assert set(await asyncio.gather(*answers)) == {http.client.ACCEPTED}
    return sent, slowest_s


async def _probe(korat: Platform, number: int) -> float:
    began = time.monotonic()
    await korat.send("noise", f"probe-{number}", {"ts": NOW_MS, "values": {"sound_level": 50}})

    async def there() -> bool:
        return bool(await korat.latest(f"probe-{number}"))

    await korat.until(there, within_s=20)
    return time.monotonic() - began


def _post(port: int, body: bytes) -> int:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    link.request("POST", "/ingest/legacy", body)
    status = link.getresponse().status
    link.close()
    return status


async def _open(port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        await writer.wait_closed()
        return

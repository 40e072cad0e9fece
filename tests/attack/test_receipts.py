"""On an open broker any client may write receipts: who has the key believes none but ingest's."""

import asyncio
import http.client
import json
import time
from contextlib import closing
from pathlib import Path

import pytest

from city import topics
from city.ledger import open_ledger
from city.ledger.port import By
from city.mqtt import Address, Session, Subscription
from city.wire import receipt, status
from support.korat import room
from support.mosquitto import Mosquitto
from support.ports import free_port

READINGS = 50


@pytest.mark.parametrize("has_key", [True, False])
async def test_a_forged_receipt_ends_custody_only_where_there_is_no_key(
    broker: Mosquitto, tmp_path: Path, *, has_key: bool
) -> None:
    """Ingest is away; the attacker reads the spool's id in the retained status, and the packs that were sent."""
    key, port = tmp_path / "receipt.key", free_port()
    key.write_text("7" * 64)
    common = {"KORAT_MQTT_PORT": str(broker.port)}
    edge = {
        **common,
        "KORAT_GATEWAY_HTTP_PORT": str(port),
        "KORAT_GATEWAY_SELF_METRICS_INTERVAL_S": "0",
        "KORAT_GATEWAY_RESEND_S": "1",
    }
    core = {**common, "KORAT_INGEST_RECEIPT_KEY_FILE": str(key)}
    if has_key:
        edge["KORAT_GATEWAY_RECEIPT_KEY_FILE"] = str(key)
    with room("gateway", tmp_path / "edge", edge, ready_port=port) as gateway:
        await asyncio.to_thread(_post, port)
        await _forge(broker)
        await asyncio.sleep(0.5)
        assert ("receipts refused" in gateway.log.read_text()) is has_key
        with room("ingest", tmp_path / "core", core):
            stored = await _stored(tmp_path / "core" / "ledger.sqlite", within_s=15 if has_key else 4)
        assert gateway.stop() == 0
    assert stored == (READINGS if has_key else 0)


async def _forge(broker: Mosquitto) -> None:
    wanted = [Subscription("city/+/gateway/gw-1/status"), Subscription("city/+/gateway/gw-1/pack")]
    address = Address(broker.host, broker.port)
    async with Session(address, client_id="attacker", subscriptions=wanted, session_expiry_s=0) as attacker:
        spool, numbers = "", 0
        async with asyncio.timeout(10):
            while not (spool and numbers):
                messages = await attacker.receive()
                attacker.acknowledge(messages)
                for message in messages:
                    if message.topic.endswith("status"):
                        spool = status.decode(message.payload).spool
                    else:
                        numbers += 1
        forged = receipt.Receipt(spool, [(1, numbers)], time.time_ns(), "0" * 64)
        await attacker.publish(topics.receipt("th-30", "gw-1"), receipt.encode(forged))


def _post(port: int) -> None:
    now_ms = time.time_ns() // 10**6
    body = [{"device": "w-1", "kind": "weather", "ts": now_ms - n, "values": {"rain": 1}} for n in range(READINGS)]
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as link:
        link.request("POST", "/ingest/native", json.dumps(body))
        assert link.getresponse().status == http.client.ACCEPTED


async def _stored(file: Path, within_s: float) -> int:
    stored, until_s = 0, time.monotonic() + within_s
    while not await asyncio.to_thread(file.exists):
        await asyncio.sleep(0.1)
    ledger = await open_ledger(f"sqlite:///{file}")
    try:
        while stored < READINGS and time.monotonic() < until_s:
            await asyncio.sleep(0.2)
            (account,) = await ledger.account(0, time.time_ns() + 3600 * 10**9, By.TOTAL)
            stored = account.counts.stored
    finally:
        await ledger.aclose()
    return stored

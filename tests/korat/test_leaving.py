"""A worker that is taken away for good leaves nothing behind at the broker, and loses nothing."""

import asyncio
from pathlib import Path

from city.mqtt import Address, Session
from support.korat import room
from support.mosquitto import Mosquitto

TOPIC = "city/th-30/smart_city/rain/r-1"
MESSAGES = 3_000


async def test_what_waits_for_a_worker_is_settled_before_its_session_ends(broker: Mosquitto, tmp_path: Path) -> None:
    data = tmp_path / "data"
    environment = {"KORAT_MQTT_PORT": str(broker.port), "KORAT_INGEST_WORKER": "7"}
    async with Session(Address(broker.host, broker.port), client_id="device", session_expiry_s=0) as device:
        await device.connected()
        with room("ingest", data, environment) as worker:
            async with asyncio.timeout(20):
                while not await device.publish(TOPIC, b'{"values": {"rain_rate": 1}}'):
                    await asyncio.sleep(0.1)
            worker.kill()
        for number in range(MESSAGES):
            assert await device.publish(TOPIC, b'{"ts": %d, "values": {"rain_rate": 2}}' % (1_764_900_000_000 + number))
        with room("ingest --leave", data, environment) as leaving:
            assert await asyncio.to_thread(leaving.wait, within=40) == 0
        assert not await device.publish(TOPIC, b""), "nobody listens any more"
    with room("ledger --hours 87600", data, environment) as shown:
        assert await asyncio.to_thread(shown.wait, within=20) == 0
    assert f"{MESSAGES + 1:,}" in shown.log.read_text(), shown.log_tail()
    assert "nothing is left for this worker" in leaving.log.read_text()

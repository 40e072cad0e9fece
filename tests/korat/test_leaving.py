"""A worker that is taken away for good leaves nothing behind at the broker, and loses nothing."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from city.mqtt import Address, Session
from korat.worker_slots import take
from support.korat import room
from support.mosquitto import Mosquitto

TOPIC = "city/th-30/smart_city/rain/r-1"
MESSAGES = 3_000


async def test_what_waits_for_a_worker_is_settled_before_its_session_ends(broker: Mosquitto, tmp_path: Path) -> None:
    data = tmp_path / "data"
    environment = {"KORAT_MQTT_PORT": str(broker.port), "KORAT_INGEST_WORKER": "7", "KORAT_INGEST_WORKERS": "7"}
    async with Session(Address(broker.host, broker.port), client_id="device", session_expiry_s=0) as device:
        await device.connected()
        with room("ingest", data, environment) as worker:
            async with asyncio.timeout(20):
                while not await device.publish(TOPIC, b'{"values": {"rain_rate": 1}}'):
                    await asyncio.sleep(0.1)
            worker.kill()
        for number in range(MESSAGES):
            assert await device.publish(TOPIC, b'{"ts": %d, "values": {"rain_rate": 2}}' % (1_764_900_000_000 + number))
        with closing(sqlite3.connect(data / "ledger.sqlite")) as busy:
            busy.execute("begin immediate")
            with room("ingest --leave", data, environment, name="hurried") as hurried:
                async with asyncio.timeout(20):
                    while "mqtt connected" not in hurried.log.read_text():
                        await asyncio.sleep(0.1)
                await asyncio.sleep(1)
                assert hurried.stop() == 1
        with room("ingest --leave", data, environment) as leaving:
            assert await asyncio.to_thread(leaving.wait, within=40) == 0
        assert not await device.publish(TOPIC, b""), "nobody listens any more"
    with room("ledger --hours 87600", data, environment) as shown:
        assert await asyncio.to_thread(shown.wait, within=20) == 0
    assert f"{MESSAGES + 1:,}" in shown.log.read_text(), shown.log_tail()
    assert "nothing is left for this worker" in leaving.log.read_text()


def test_a_worker_that_is_at_work_is_not_taken_leave_of(broker: Mosquitto, tmp_path: Path) -> None:
    data = tmp_path / "data"
    environment = {"KORAT_MQTT_PORT": str(broker.port), "KORAT_INGEST_WORKER": "auto"}
    with take(data / "workers"):
        with room("ingest --leave", data, environment | {"KORAT_INGEST_WORKER": "1"}) as leaving:
            assert leaving.wait(within=20) == 1
        assert "worker 1 is at work" in leaving.log.read_text()
        with room("ingest --leave", data, environment, name="all") as leaving:
            assert leaving.wait(within=20) == 0
        assert "leaves" not in leaving.log.read_text()
    with room("ingest --leave", data, environment, name="free") as leaving:
        assert leaving.wait(within=30) == 0
    assert "a worker leaves" in leaving.log.read_text()
    assert "nothing is left for this worker" in leaving.log.read_text()


async def test_two_of_one_name_do_not_fight_for_ever(broker: Mosquitto, tmp_path: Path) -> None:
    environment = {"KORAT_MQTT_PORT": str(broker.port), "KORAT_INGEST_WORKER": "w"}
    with room("ingest", tmp_path / "a", environment), room("ingest --leave", tmp_path / "b", environment) as leaving:
        assert await asyncio.to_thread(leaving.wait, within=60) == 1
    assert "is a worker of this name at work" in leaving.log.read_text()

"""`korat record` writes what a broker carries, and `korat replay` plays it back."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.publish as paho
import pytest

from city.errors import ConfigurationError, Unavailable
from city.mqtt import Address
from simulators.recorder import DEVICES, Recorder
from simulators.replay import Record, ReplayOptions, read_records, replay
from simulators.replay.options import BadLine
from simulators.replay.tally import Tally
from support.korat import room
from support.mosquitto import Mosquitto

TOPIC = "city/th-30/smart_city/rain/r-1"
SENT = [(TOPIC, b'{"values": {"rain_rate": 1.5}}'), ("city/th-30/logistic_hub/vehicle/v-1", b"\xff\x00"), (TOPIC, b"")]


def publish(broker: Mosquitto, messages: list[tuple[str, bytes]], **keys: Any) -> None:
    rows = [{"topic": topic, "payload": payload, "qos": 1} | keys for topic, payload in messages]
    paho.multiple(rows, hostname=broker.host, port=broker.port)


def recorded(file: Path) -> list[Record]:
    return list(read_records(file, Tally(file.name, BadLine.STOP)))


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not happened():
            await asyncio.sleep(0.02)


async def test_what_it_wrote_can_be_played_back(broker: Mosquitto, tmp_path: Path) -> None:
    file = tmp_path / "a.korat.jsonl"
    publish(broker, [(TOPIC, b"kept from before")], retain=True)
    environment = {"KORAT_MQTT_PORT": str(broker.port)}
    recording = room(f"record {file}", tmp_path / "data", environment)
    with recording:
        await until(lambda: "korat-record" in broker.log.read_text())
        await asyncio.sleep(0.2)
        publish(broker, [*SENT[:1], ("city/th-30/gateway/gw-1/pack", b"left out"), *SENT[1:]])
        await until(lambda: len(recorded(file)) == 3)
        assert recording.stop() == 0
    assert "3 messages of 2 topics" in recording.log.read_text()
    assert "1 left out" in recording.log.read_text()
    records = recorded(file)
    assert [(record.topic, record.payload) for record in records] == SENT
    assert [record.time_ns for record in records] == sorted(record.time_ns for record in records)
    again = tmp_path / "b.korat.jsonl"
    stop = asyncio.Event()
    work = asyncio.create_task(Recorder(again, Address(broker.host, broker.port), DEVICES).run(stop))
    await asyncio.sleep(0.5)
    options = ReplayOptions(file=file, province="th-30", broker=Address(broker.host, broker.port), speed=0)
    report = await asyncio.to_thread(replay, options)
    assert report.complete
    await until(lambda: len(recorded(again)) == 3)
    stop.set()
    await work
    assert [row[1:] for row in recorded(again)] == SENT


async def test_a_line_that_breaks_costs_nothing(broker: Mosquitto, tmp_path: Path) -> None:
    file, stop = tmp_path / "a.korat.jsonl", asyncio.Event()
    work = asyncio.create_task(Recorder(file, Address(broker.host, broker.port), [TOPIC]).run(stop))
    await until(lambda: "korat-record" in broker.log.read_text())
    await asyncio.sleep(0.2)
    broker.stop()
    broker.start()
    publish(broker, SENT[:1])
    await until(lambda: len(recorded(file)) == 1)
    stop.set()
    await work


async def test_a_file_that_cannot_grow_is_a_sentence_and_ends_with_a_whole_line(
    broker: Mosquitto, tmp_path: Path
) -> None:
    file = tmp_path / "a.korat.jsonl"
    program = Path(sys.executable).with_name("korat")
    limited = f"ulimit -f 4; exec {program} record {file}"
    environment = {"PATH": os.environ["PATH"], "KORAT_MQTT_PORT": str(broker.port), "KORAT_DATA": str(tmp_path)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # the limit would cut those files too
    pipe = asyncio.subprocess.PIPE
    recording = await asyncio.create_subprocess_exec("sh", "-c", limited, env=environment, stderr=pipe)
    await until(lambda: "korat-record" in broker.log.read_text())
    await asyncio.sleep(0.3)
    for number in range(200):
        publish(broker, [(TOPIC, b'{"values": {"rain_rate": %d}}' % number)])
        if recording.returncode is not None:
            break
    _, said = await asyncio.wait_for(recording.communicate(), 10)
    assert recording.returncode == 1
    assert b"can't be written: File too large" in said
    assert 10 < len(recorded(file)) < 200, "every line is whole"


async def test_a_recording_is_never_written_over(tmp_path: Path) -> None:
    nowhere = Address("127.0.0.1", 9)
    (tmp_path / "a.korat.jsonl").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="there already"):
        Recorder(tmp_path / "a.korat.jsonl", nowhere, DEVICES)
    with pytest.raises(ConfigurationError, match=r"named \*\.korat\.jsonl"):
        Recorder(tmp_path / "a.json", nowhere, DEVICES)
    with pytest.raises(ConfigurationError, match="can't be made"):
        Recorder(tmp_path / "none" / "a.korat.jsonl", nowhere, DEVICES)


def test_nobody_there_is_a_sentence_and_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulators.recorder._CONNECT_S", 0.2)
    with pytest.raises(Unavailable, match=r"no broker answers at mqtt://127\.0\.0\.1:9"):
        asyncio.run(Recorder(tmp_path / "a.korat.jsonl", Address("127.0.0.1", 9), DEVICES).run(asyncio.Event()))
    assert not list(tmp_path.iterdir())

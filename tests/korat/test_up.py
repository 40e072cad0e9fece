"""`korat up` as an operator has it: it stops at once, goes on where it was, and brings its broker back."""

import http.client
import os
import re
import signal
import socket
import subprocess
import threading
import time

import paho.mqtt.publish
import pytest
from own_platform import KORAT, Platform, mosquitto_of, until

from support.ports import accepts
from support.process import Process, lives

STOP_S = 5.0
NOW_MS = time.time_ns() // 10**6
A_DAY_AGO_MS = NOW_MS - 20 * 3_600_000


def times(count: int, first: int = 0) -> list[int]:
    return [A_DAY_AGO_MS + number * 1000 for number in range(first, first + count)]


def stop(process: Process) -> float:
    """Send SIGTERM; seconds until it ended, with exit code 0."""
    began = time.monotonic()
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(within=15) == 0, process.log_tail()
    return time.monotonic() - began


def test_a_signal_stops_it_at_once_also_with_connections_open(platform: Platform) -> None:
    with platform.up() as process:
        platform.post("w-1", times(10))
        platform.stored(10)
        links = [http.client.HTTPConnection("127.0.0.1", port) for port in (platform.api, platform.gateway)]
        for link in links:
            link.request("GET", "/health/live")
            link.getresponse().read()
        with socket.create_connection(("127.0.0.1", platform.api)) as half:
            half.sendall(b"GET /v1/devices HTTP/1.1\r\nHost: x\r\n")
            broker = mosquitto_of(process)
            assert stop(process) < STOP_S
        for link in links:
            link.close()
    assert not lives(broker)
    said = process.log.read_text()
    outcomes = "10 stored, 0 duplicate, 0 quarantined, 0 rejected, 0 merged"
    assert f"Of 10 readings received in the last 24 hours: {outcomes}" in said
    assert "Not settled yet: 0 readings in the spool of gw-1" in said
    assert "Traceback" not in said
    assert "nothing was lost" not in said


def test_it_stops_while_the_store_is_busy_and_goes_on_with_all_that_was_confirmed(platform: Platform) -> None:
    with platform.up("--demo") as process:
        ended = threading.Event()
        accepted: list[int] = []

        def post() -> None:
            while not ended.is_set():
                try:
                    platform.post("w-1", times(1000, 1000 * len(accepted)))
                except (OSError, http.client.HTTPException):
                    return
                accepted.append(1000)

        feeders = [threading.Thread(target=post) for _ in range(3)]
        for feeder in feeders:
            feeder.start()
        try:
            platform.stored(3000)
            assert stop(process) < STOP_S
        finally:
            ended.set()
            for feeder in feeders:
                feeder.join()
    said = process.log.read_text()
    assert "Traceback" not in said
    (confirmed,) = re.findall(r"simulated_city_stopped .*confirmed=(\d+)", said)
    with platform.up():
        until(lambda: platform.get("/v1/ledger")["received"] >= sum(accepted) + int(confirmed))
        until(lambda: platform.get("/v1/ledger")["pending"] == 0)
        ledger = platform.get("/v1/ledger")
        assert ledger["received"] == ledger["stored"] + ledger["merged"] + ledger["duplicate"]
        assert ledger["gaps"] == 0


def test_it_goes_on_with_everything_after_a_stop_and_after_kill_9(platform: Platform) -> None:
    with platform.up() as process:
        platform.post("w-1", times(10))
        platform.stored(10)
        stop(process)
        process.start()
        assert platform.get("/v1/ledger")["stored"] == 10
        assert platform.get("/v1/devices/w-1")["gateway"] == "gw-1"
        broker = mosquitto_of(process)
        platform.post("w-1", times(500, 10))
        process.kill()
        until(lambda: not lives(broker), 5)
        process.start()
        ledger = platform.stored(510)
        assert (ledger["stored"], ledger["quarantined"], ledger["gaps"]) == (510, 0, 0)


def test_a_killed_broker_comes_back_and_one_left_behind_is_waited_for(platform: Platform) -> None:
    with platform.up() as process:
        broker = mosquitto_of(process)
        os.kill(broker, signal.SIGKILL)
        platform.post("w-1", times(50))
        platform.stored(50)
        second = mosquitto_of(process)
        assert second != broker
        assert "mosquitto ended, starting it again" in process.log.read_text()
        os.kill(second, signal.SIGSTOP)
        threading.Timer(1.5, os.kill, (second, signal.SIGCONT)).start()
        os.kill(process.pid, signal.SIGKILL)
        process.wait(within=5)
        process.start()


def test_two_platforms_live_beside_each_other_but_not_on_the_same_files(platform: Platform) -> None:
    other = Platform(platform.folder.with_name("other"))
    with platform.up(), other.up():
        platform.post("w-1", times(3))
        other.post("w-2", times(4))
        assert platform.stored(3)["received"] == 3
        assert other.stored(4)["received"] == 4
        for again in (Platform(platform.folder).run("up", "--no-demo"), Platform(platform.folder).run("api")):
            assert again.returncode == 1
            assert "is in use by `korat up`, process " in again.stderr
            assert "keep them in InfluxDB (KORAT_STORE_URL)" in again.stderr
            assert again.stderr.count("\n") == 1
        same_file = f"duckdb:///{platform.folder}/readings.duckdb".replace(" ", "%20")
        again = Platform(platform.folder.with_name("third")).run("ingest", KORAT_STORE_URL=same_file)
        assert again.returncode == 1
        assert "readings.duckdb is held by another process: only one may open it; use InfluxDB" in again.stderr
        assert again.stderr.count("\n") == 1


@pytest.mark.parametrize("key", ["KORAT_MQTT_PORT", "KORAT_API_PORT", "KORAT_GATEWAY_HTTP_PORT"])
def test_a_taken_port_is_named(platform: Platform, key: str) -> None:
    with socket.create_server(("127.0.0.1", int(platform.environment[key]))):
        done = platform.run("up", "--no-demo")
    assert done.returncode == 1
    assert done.stderr.startswith(f"korat: {key} (")
    assert "Address already in use" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_signal_during_the_start_is_a_stop(platform: Platform) -> None:
    server = f"influxdb://127.0.0.1:{platform.api}/nobody"
    environment = {"PATH": os.environ["PATH"], **platform.environment, "KORAT_STORE_URL": server}
    with subprocess.Popen([KORAT, "up"], env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "waiting part=store" in process.stderr.readline()
        process.terminate()
        assert process.wait(5) == 0
        assert process.stderr.read() == ""
    assert not accepts(platform.mqtt)


def test_what_nobody_reads_does_not_end_it(platform: Platform) -> None:
    environment = {"PATH": os.environ["PATH"], **platform.environment}
    with subprocess.Popen(
        [KORAT, "up", "--no-demo"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        until(lambda: accepts(platform.gateway))
        platform.post("w-1", times(5))
        platform.stored(5)
        process.terminate()
        assert process.wait(5) == 0


def test_its_gateway_believes_its_own_ingest_alone(platform: Platform) -> None:
    with platform.up() as process:
        platform.post("w-1", times(10))
        platform.stored(10)
        until(lambda: platform.get("/v1/ledger")["pending"] == 0)
        assert (platform.folder / "receipt.key").stat().st_mode & 0o777 == 0o600
        paho.mqtt.publish.single(
            "city/th-30/gateway/gw-1/receipt", b'{"spool": "x", "done": [[1, 1]]}', qos=1, port=platform.mqtt
        )
        until(lambda: "receipts refused" in process.log.read_text())

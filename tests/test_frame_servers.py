"""The test servers start, answer, survive kill -9 with their data, and leave no process behind."""

import os
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import psycopg
import pytest

from support.influx import Influx, InfluxRefusedError
from support.mosquitto import Mosquitto
from support.ports import accepts, free_port
from support.postgres import Postgres
from support.process import DidNotStartError, Process, descendants, lives


@contextmanager
def _looping(port: int, client_id: str, seen: set[bytes] | None = None) -> Iterator[paho.Client]:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False)
    if seen is not None:
        client.on_message = lambda _client, _data, message: seen.add(message.payload)
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        _until(client.is_connected)
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.fixture
def mqtt_client(broker: Mosquitto) -> Iterator[paho.Client]:
    with _looping(broker.port, "frame") as client:
        yield client


def _until(happened: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def _publish_retained(client: paho.Client, topic: str, payload: str) -> None:
    client.publish(topic, payload, qos=1, retain=True).wait_for_publish(10)


def _retained(port: int, topic: str) -> bytes | None:
    seen: list[bytes] = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: seen.append(message.payload)
    client.connect("127.0.0.1", port)
    client.subscribe(topic, qos=1)
    deadline = time.monotonic() + 3
    while not seen and time.monotonic() < deadline:
        client.loop(0.05)
    client.disconnect()
    client.loop(0.05)
    return seen[0] if seen else None


def test_the_broker_keeps_retained_messages_over_a_stop(broker: Mosquitto, mqtt_client: paho.Client) -> None:
    _publish_retained(mqtt_client, "kept", "by stop")
    broker.restart()
    assert _retained(broker.port, "kept") == b"by stop"


def test_the_broker_keeps_what_it_saved_over_kill_9(broker: Mosquitto, mqtt_client: paho.Client) -> None:
    _publish_retained(mqtt_client, "kept", "by autosave")
    database = broker.folder / "mosquitto.db"
    _until(lambda: database.exists() and b"by autosave" in database.read_bytes())
    first = broker.pid
    broker.kill()
    assert not lives(first)
    assert not accepts(broker.port)
    broker.start()
    assert broker.pid != first
    assert _retained(broker.port, "kept") == b"by autosave"


def test_the_broker_queues_without_limit_for_a_session_that_is_away(broker: Mosquitto) -> None:
    seen: set[bytes] = set()
    with _looping(broker.port, "away") as away:
        subscribed: list[int] = []
        away.on_subscribe = lambda _client, _data, mid, _codes, _properties: subscribed.append(mid)
        away.subscribe("load", qos=1)
        _until(lambda: bool(subscribed))
    with _looping(broker.port, "sender") as sender:
        for sent in [sender.publish("load", str(number), qos=1) for number in range(3_000)]:
            sent.wait_for_publish(10)
    with _looping(broker.port, "away", seen):
        _until(lambda: len(seen) == 3_000)


def test_a_frozen_broker_keeps_its_socket_and_thaws(broker: Mosquitto, mqtt_client: paho.Client) -> None:
    broker.freeze()
    sent = mqtt_client.publish("frozen", "x", qos=1)
    sent.wait_for_publish(0.3)
    assert not sent.is_published()
    broker.thaw()
    sent.wait_for_publish(10)
    assert sent.is_published()


def test_influx_keeps_an_acknowledged_write_over_kill_9(influx: Influx, influx_database: str) -> None:
    influx.write("frame,device=a value=1.5 1764900000000000000", influx_database)
    first = influx.pid
    influx.kill()
    assert not lives(first)
    influx.start()
    series = influx.query("SELECT value FROM frame", influx_database)
    assert series[0]["values"] == [[1764900000000000000, 1.5]]


def test_influx_databases_of_two_tests_are_apart(influx: Influx, influx_database: str) -> None:
    assert influx.query("SHOW MEASUREMENTS", influx_database) == []
    with pytest.raises(InfluxRefusedError, match="database not found"):
        influx.query("SELECT value FROM frame", "no_such_database")
    with pytest.raises(InfluxRefusedError, match="404"):
        influx.write("frame value=1", "no_such_database")


def test_postgres_keeps_a_commit_over_kill_9(postgres: Postgres, postgres_database: str) -> None:
    address = postgres_database.replace("+psycopg", "")
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TABLE frame (value integer)")
        connection.execute("INSERT INTO frame VALUES (42)")
    family = (postgres.pid, *descendants(postgres.pid))
    postgres.kill()
    assert not [pid for pid in family if lives(pid)]
    postgres.start()
    with psycopg.connect(address) as connection:
        assert connection.execute("SELECT value FROM frame").fetchone() == (42,)


def test_a_stop_leaves_no_process_of_postgres(postgres: Postgres) -> None:
    if not postgres.running:
        postgres.start()
    family = (postgres.pid, *descendants(postgres.pid))
    assert len(family) > 1
    postgres.stop()
    assert not [pid for pid in family if lives(pid)]
    postgres.start()


def test_a_program_that_ends_early_fails_with_the_tail_of_its_log(tmp_path: Path) -> None:
    quitter = Process(
        [sys.executable, "-c", "raise SystemExit('no disk')"], tmp_path, name="quitter", ready=lambda: False
    )
    with pytest.raises(DidNotStartError, match=r"quitter ended with 1 .*\n.*no disk"):
        quitter.start()


def test_a_program_that_is_never_ready_is_ended(tmp_path: Path) -> None:
    sleeper = Process(["sleep", "60"], tmp_path, name="sleeper", ready=lambda: False)
    with pytest.raises(DidNotStartError, match="not ready in time"):
        sleeper.start(within=0.2)
    assert not sleeper.running


def test_a_program_deaf_to_the_stop_signal_is_killed(tmp_path: Path) -> None:
    deaf = """if True:
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("deaf", flush=True)
        time.sleep(60)
    """
    log = tmp_path / "deaf.log"
    process = Process([sys.executable, "-c", deaf], tmp_path, name="deaf", ready=lambda: "deaf" in log.read_text())
    with process:
        assert process.stop(within=0.2) == -9


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
@pytest.mark.parametrize("server", ["Mosquitto", "Postgres"])
def test_a_server_dies_with_the_test_process(server: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("broker" if server == "Mosquitto" else "postgres")  # skips where it is missing
    script = f"""
        import os, sys
        from pathlib import Path
        from support.{server.lower()} import {server}
        server = {server}(Path(sys.argv[1]))
        server.start()
        print(server.pid, flush=True)
        os.kill(os.getpid(), 9)
    """
    with tempfile.TemporaryDirectory(prefix="korat-frame-") as folder:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), folder],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        pid = int(done.stdout)
        _until(lambda: not lives(pid))


def test_a_free_port_can_be_bound_and_is_given_once() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert not any(accepts(port) for port in ports[:5])


def test_extra_configuration_overrides_the_brokers_own(tmp_path: Path) -> None:
    with Mosquitto(tmp_path, config_extra="persistence false\nmax_queued_messages 5") as server:
        assert accepts(server.port)
    assert not (tmp_path / "mosquitto.db").exists()

"""The shipped configuration of mosquitto, its ACL and certificates, on a real mosquitto; paho is the other side."""

import asyncio
import http.client
import json
import os
import queue
import socket
import ssl
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from city.errors import ConfigurationError
from city.ledger import open_ledger
from city.ledger.port import By
from city.mqtt import Session
from city.mqtt.address import Address
from city.outcomes import Counts
from support.korat import room
from support.mqtt_client import BAD_CREDENTIALS, NOT_AUTHORIZED, Client, client
from support.own_city import DEPLOY, City
from support.ports import free_port
from support.process import find_or_skip

PACK = "city/th-30/gateway/{}/pack"


@pytest.mark.parametrize(
    ("user", "topic", "may"),
    [
        ("gw-1", PACK.format("gw-1"), True),
        ("gw-1", "city/th-30/gateway/gw-1/status", True),
        ("gw-1", PACK.format("gw-2"), False),
        ("gw-1", "city/th-30/gateway/gw-2/status", False),
        ("gw-1", "city/th-30/gateway/gw-1/receipt", False),
        ("gw-1", "city/th-30/smart_city/weather/pm-7", False),
        ("pm-7", "city/th-30/smart_city/air_quality/pm-7", True),
        ("pm-7", "city/th-30/smart_city/air_quality/pm-8", False),
        ("pm-7", PACK.format("gw-1"), False),
        ("pack", PACK.format("gw-1"), False),
        ("ingest", "city/th-30/gateway/gw-1/receipt", True),
        ("ingest", PACK.format("gw-1"), False),
        ("ingest", "city/th-30/smart_city/platform/ingest-1", True),
        ("ingest", "city/th-30/smart_city/weather/w-1", False),
        ("simulators", "city/th-30/logistic_hub/vehicle/v-1", True),
        ("simulators", PACK.format("gw-1"), False),
        ("bridge", "zigbee2mqtt/kitchen", True),
        ("bridge", "city/th-30/smart_city/weather/w-1", False),
        ("foreign", "spBv1.0/plant/NCMD/edge", True),
        ("foreign", "zigbee2mqtt/kitchen", False),
    ],
)
def test_each_publishes_its_own(city: City, user: str, topic: str, *, may: bool) -> None:
    with client(city, user) as one:
        code = one.publish(topic)
        assert (code != NOT_AUTHORIZED) is may


@pytest.mark.parametrize(
    ("user", "subscription", "sender", "topic", "hears"),
    [
        ("gw-1", "city/+/gateway/gw-1/receipt", "ingest", "city/th-30/gateway/gw-1/receipt", True),
        ("gw-2", "city/+/gateway/+/receipt", "ingest", "city/th-30/gateway/gw-1/receipt", False),
        ("ingest", "$share/test/city/#", "gw-1", PACK.format("gw-1"), True),
        ("pm-7", "city/#", "gw-1", PACK.format("gw-1"), False),
        ("simulators", "#", "gw-1", PACK.format("gw-1"), False),
        ("foreign", "zigbee2mqtt/#", "bridge", "zigbee2mqtt/kitchen", True),
        ("gw-1", "zigbee2mqtt/#", "bridge", "zigbee2mqtt/kitchen", False),
    ],
)
def test_each_hears_what_is_for_it(
    city: City, user: str, subscription: str, sender: str, topic: str, *, hears: bool
) -> None:
    with client(city, user) as listener, client(city, sender) as speaker:
        listener.subscribe(subscription)
        speaker.publish(topic)
        if hears:
            assert listener.wait("message") == topic
        else:
            with pytest.raises(queue.Empty):
                listener.answers.get(timeout=0.3)


@pytest.mark.parametrize(("user", "password"), [("gw-1", "wrong"), ("gw-1", ""), ("nobody", "wrong")])
def test_a_wrong_password_is_refused(city: City, user: str, password: str) -> None:
    one = Client(city, user, password)
    assert one.connect() in BAD_CREDENTIALS
    one.close()


def test_plain_text_is_refused_on_the_tls_port(city: City) -> None:
    hello = bytes.fromhex("101000044d5154540502003c000003") + b"abc"
    with socket.create_connection(("127.0.0.1", city.port), timeout=5) as plain:
        plain.sendall(hello)
        try:
            answer = plain.recv(100)
        except ConnectionResetError:
            answer = b""
    assert not answer.startswith(b"\x20"), "that is a CONNACK"


def test_a_broker_of_another_authority_is_not_trusted(city: City) -> None:
    system = ssl.create_default_context()
    with socket.create_connection(("127.0.0.1", city.port)) as raw, pytest.raises(ssl.SSLCertVerificationError):
        system.wrap_socket(raw, server_hostname="127.0.0.1")


def test_the_broker_proves_the_names_it_was_given(city: City) -> None:
    context = Address.parse(city.url("gw-1")).ssl_context()
    assert context is not None
    for name in ("broker", "localhost", "127.0.0.1"):
        with socket.create_connection(("127.0.0.1", city.port)) as raw:
            context.wrap_socket(raw, server_hostname=name).close()
    with socket.create_connection(("127.0.0.1", city.port)) as raw, pytest.raises(ssl.SSLCertVerificationError):
        context.wrap_socket(raw, server_hostname="elsewhere.example")


def test_old_tls_is_refused(city: City) -> None:
    context = Address.parse(city.url("gw-1")).ssl_context()
    assert context is not None
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", city.port)) as raw, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(raw, server_hostname="127.0.0.1")


def test_the_health_check_of_compose_tells_a_living_broker_from_none(city: City) -> None:
    find_or_skip("mosquitto_pub", "mosquitto-clients")
    compose = yaml.safe_load((DEPLOY.parent / "docker-compose.yml").read_text())
    _, check = compose["services"]["mosquitto"]["healthcheck"]["test"]
    check = check.replace("$$", "$").replace("/run/secrets/ca", str(city.secrets / "ca.crt"))
    path = f"{os.environ['PATH']}:/usr/bin"
    for port, well in ((city.port, True), (free_port(), False)):
        command = check.replace("8883", str(port))
        done = subprocess.run(["sh", "-c", command], env={**os.environ, "PATH": path}, capture_output=True, check=False)
        assert (done.returncode == 0) is well, done.stderr


def test_a_gateway_and_ingest_work_through_it(city: City, tmp_path: Path) -> None:
    port = free_port()
    tokens = city.secrets / "gateway_tokens"
    links = (DEPLOY / "gateway" / "gateway.toml").read_text().replace("/run/secrets/gateway_tokens", str(tokens))
    (tmp_path / "gateway.toml").write_text(links)
    edge = {
        "KORAT_MQTT_URL": city.url("gw-1"),
        "KORAT_GATEWAY_HTTP_PORT": str(port),
        "KORAT_GATEWAY_CONFIG_FILE": str(tmp_path / "gateway.toml"),
        "KORAT_GATEWAY_SELF_METRICS_INTERVAL_S": "0",
    }
    core = {"KORAT_MQTT_URL": city.url("ingest"), "KORAT_INGEST_WORKER": "auto"}
    sign = tmp_path / "heartbeat"
    with (
        room(f"ingest --heartbeat {sign}", tmp_path / "core", core, name="ingest") as ingest,
        room("gateway", tmp_path / "edge", edge, ready_port=port) as gateway,
    ):
        now_ms = time.time_ns() // 10**6
        readings = [
            {"device": "w-1", "kind": "weather", "ts": now_ms - n, "values": {"temperature": 20}} for n in range(100)
        ]
        assert _post(port, readings, None) == http.client.UNAUTHORIZED
        assert _post(port, readings, tokens.read_text().strip()) == http.client.ACCEPTED
        counts = asyncio.run(_stored(tmp_path / "core" / "ledger.sqlite", 100))
        assert (counts.received - counts.duplicate, counts.stored) == (100, 100)
        deadline = time.monotonic() + 15
        while not sign.exists():
            assert time.monotonic() < deadline, ingest.log_tail()
            time.sleep(0.05)
        assert "this worker has a number worker=1" in ingest.log.read_text()
        assert gateway.stop() == 0
        assert ingest.stop() == 0
    assert not sign.exists()
    for process in (ingest, gateway):
        said = process.log.read_text()
        assert "Traceback" not in said
        assert city.password("gw-1") not in said
        assert city.password("ingest") not in said


async def test_a_broker_that_wants_certificates_takes_ours_alone(strict_city: City) -> None:
    url = strict_city.url("gw-1")
    pair = f"&cert={strict_city.secrets}/client-gw-1.crt&key={strict_city.secrets}/client-gw-1.key"
    async with Session(
        Address.parse(url + pair), client_id=strict_city.client_id("gw-1"), session_expiry_s=0
    ) as session:
        async with asyncio.timeout(5):
            await session.connected()
    async with Session(Address.parse(url), client_id=strict_city.client_id("gw-1"), session_expiry_s=0) as session:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await session.connected()
        assert "certificate" in str(session.last_error).lower()


@pytest.mark.parametrize(("client_id", "well"), [("", False), ("bridge", True)])
def test_doctor_and_record_connect_as_a_user_that_is_bound(
    city: City, tmp_path: Path, client_id: str, *, well: bool
) -> None:
    environment = {"KORAT_MQTT_URL": city.url("bridge"), "KORAT_MQTT_CLIENT_ID": client_id}
    with room("doctor", tmp_path, environment) as doctor:
        doctor.wait(within=40)
    assert ("answers" in doctor.log.read_text()) is well, doctor.log.read_text()
    assert ("needs it as KORAT_MQTT_CLIENT_ID" in doctor.log.read_text()) is not well
    file = tmp_path / "a.korat.jsonl"
    with room(f"record {file} --topic zigbee2mqtt/#", tmp_path, environment) as record:
        if well:
            deadline = time.monotonic() + 20
            while "0 messages of 0 topics" not in record.log.read_text():
                assert time.monotonic() < deadline, record.log.read_text()
                time.sleep(0.1)
            assert record.stop() == 0
        else:
            assert record.wait(within=40) == 1
            assert "needs it as KORAT_MQTT_CLIENT_ID" in record.log.read_text()


def test_a_missing_password_file_is_one_sentence(city: City) -> None:
    with pytest.raises(ConfigurationError, match=r"password: .*can't be read"):
        Address.parse(city.url("nobody")).secret()


def _post(port: int, readings: list[dict[str, Any]], token: str | None) -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as link:
        link.request("POST", "/ingest/native", json.dumps(readings), headers)
        return link.getresponse().status


async def _stored(file: Path, readings: int) -> Counts:
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(file.exists):
            await asyncio.sleep(0.05)
        ledger = await open_ledger(f"sqlite:///{file}")
        try:
            while True:
                (account,) = await ledger.account(0, time.time_ns() + 3600 * 10**9, By.TOTAL)
                if account.counts.stored >= readings:
                    return account.counts
                await asyncio.sleep(0.05)
        finally:
            await ledger.aclose()

"""A device with a password of its own against the broker as it is shipped: nothing read, taken or forged."""

import asyncio
import json
import time
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from city.mqtt import Address, Session
from ingest.run import subscriptions
from ingest.settings import IngestSettings
from support.mqtt_client import BAD_CREDENTIALS, NOT_AUTHORIZED, Client, client
from support.own_city import City, make_secrets, own_broker, script

DEVICE = "pm-7"
OWN = "city/th-30/smart_city/air_quality/pm-7"
PACK = "city/th-30/gateway/gw-1/pack"
STATUS = "city/th-30/gateway/gw-1/status"
RECEIPT = "city/th-30/gateway/gw-1/receipt"

LISTENED = [
    "#",
    "+/#",
    "$SYS/#",
    "$SYS/broker/clients/connected",
    "$CONTROL/#",
    "$CONTROL/dynamic-security/v1/response",
    "city/#",
    "city/th-30/smart_city/air_quality/pm-8",
    "city/th-30/smart_city/+/+",
    OWN,
    "city/+/gateway/+/receipt",
    PACK,
    STATUS,
    "zigbee2mqtt/#",
    "$share/ingest/city/#",
    "$share/ingest/#",
    "$share/other/city/#",
    f"$share/ingest/{OWN}",
]


@pytest.mark.parametrize("topic", LISTENED)
@pytest.mark.parametrize("protocol", [paho.MQTTv5, paho.MQTTv311])
def test_it_subscribes_to_nothing(city: City, topic: str, protocol: int) -> None:
    with client(city, DEVICE, protocol=protocol) as attacker:
        assert attacker.subscribe(topic) >= 0x80


@pytest.mark.parametrize(
    "topic",
    [
        "city/th-30/smart_city/air_quality/pm-8",
        "city/th-30/logistic_hub/vehicle/pm-8",
        "city/th-30/gateway/pm-7/pack",
        "city/th-30/gateway/pm-7/status",
        "city/th-30/gateway/pm-7/receipt",
        PACK,
        STATUS,
        RECEIPT,
        "$CONTROL/dynamic-security/v1",
        "$SYS/broker/version",
        "zigbee2mqtt/kitchen",
        "city/th-30/smart_city/air_quality/pm-7/more",
        "other",
    ],
)
@pytest.mark.parametrize("retain", [False, True])
def test_it_publishes_for_nobody_else(city: City, topic: str, *, retain: bool) -> None:
    with client(city, "ingest") as ingest, client(city, DEVICE) as attacker:
        assert ingest.subscribe("city/#") < 0x80
        assert attacker.publish(topic, b"{}", retain=retain) == NOT_AUTHORIZED
        assert ingest.hears_nothing(0.2)
    with client(city, "ingest", client_id="later") as later:
        assert later.subscribe("city/#") < 0x80
        assert later.hears_nothing(0.2), "it was retained"


@pytest.mark.parametrize("topic", [STATUS, RECEIPT, "city/th-30/smart_city/air_quality/pm-8"])
def test_its_will_speaks_for_nobody_else(city: City, topic: str) -> None:
    with client(city, "ingest") as ingest:
        ingest.subscribe("city/#")
        attacker = Client(city, DEVICE)
        attacker.paho.will_set(topic, b'{"online": false}', qos=1, retain=True)
        if attacker.connect() == 0:
            attacker.paho.socket().close()
        attacker.paho.loop_stop()
        assert ingest.hears_nothing()


@pytest.mark.parametrize("protocol", [paho.MQTTv5, paho.MQTTv311])
@pytest.mark.parametrize("name", ["korat-ingest-1", "korat-gateway-th-30-gw-1", "pm-8", "anything"])
def test_it_connects_under_no_other_name(city: City, name: str, protocol: int) -> None:
    attacker = Client(city, DEVICE, client_id=name, protocol=protocol)
    assert attacker.connect() in BAD_CREDENTIALS
    attacker.close()


@pytest.mark.parametrize("user", ["gw-2", "foreign", "bridge"])
def test_no_other_user_connects_under_a_gateway_s_name(city: City, user: str) -> None:
    attacker = Client(city, user, client_id="korat-gateway-th-30-gw-1")
    assert attacker.connect() in BAD_CREDENTIALS
    attacker.close()


async def test_ingest_gets_all_that_others_publish(city: City) -> None:
    """The attacker asks for a share, and for ingest's queue, while its neighbour publishes."""
    address = Address.parse(city.url("ingest"))
    taken, _ = subscriptions(IngestSettings.model_validate({"workers": 2}))
    async with Session(address, client_id="korat-ingest-1", subscriptions=taken) as ingest:
        async with asyncio.timeout(5):
            await ingest.connected()
    await asyncio.to_thread(_attack, city)
    async with Session(address, client_id="korat-ingest-1", subscriptions=taken) as ingest:
        got: set[bytes] = set()
        async with asyncio.timeout(10):
            while len(got) < 100:
                messages = await ingest.receive()
                ingest.acknowledge(messages)
                got |= {message.payload for message in messages}
    assert got == {b"%d" % number for number in range(100)}


def _attack(city: City) -> None:
    impostor = Client(city, DEVICE, client_id="korat-ingest-1")
    assert impostor.connect() in BAD_CREDENTIALS
    impostor.close()
    with client(city, DEVICE) as attacker, client(city, "pm-8") as neighbour:
        attacker.subscribe("$share/ingest/city/#")
        for number in range(100):
            assert neighbour.publish("city/th-30/smart_city/air_quality/pm-8", b"%d" % number) != NOT_AUTHORIZED
        assert attacker.hears_nothing()


def test_a_packet_beyond_all_measure_ends_its_own_connection_alone(city: City) -> None:
    with client(city, "pm-8") as neighbour, client(city, DEVICE) as attacker:
        attacker.paho.publish(OWN, bytes(20 * 2**20), qos=1)
        # paho connects anew at once and tries again; the broker never takes it
        time.sleep(0.5)
        assert neighbour.publish("city/th-30/smart_city/air_quality/pm-8") != NOT_AUTHORIZED


@pytest.mark.parametrize("qos", [0, 1])
def test_the_log_names_an_old_device_whose_publish_was_refused(city: City, qos: int) -> None:
    """MQTT 3.1.1 has no answer for it: the broker acknowledges, drops, and ends the connection (docs/deployment.md)."""
    with client(city, DEVICE, protocol=paho.MQTTv311) as device:
        device.paho.publish("city/th-30/smart_city/air_quality/pm-8", b"{}", qos=qos)
        device.wait("disconnect")
    city.process.stop()
    assert f"Bad socket read/write on client {DEVICE}: " in city.process.log.read_text()


def test_it_rewrites_no_rights(city: City) -> None:
    before = (city.secrets / "mosquitto_users.json").read_bytes()
    command = {"commands": [{"command": "addClientRole", "username": DEVICE, "rolename": "ingest:ingest"}]}
    for user in (DEVICE, "gw-1", "bridge", "ingest"):
        with client(city, user) as attacker:
            code = attacker.publish("$CONTROL/dynamic-security/v1", json.dumps(command).encode())
            assert code == NOT_AUTHORIZED
    assert (city.secrets / "mosquitto_users.json").read_bytes() == before


def test_an_old_subscription_brings_nothing_without_the_right_to_it(tmp_path: Path) -> None:
    """CVE-2021-34434: up to mosquitto 2.0.11 a subscription outlives the right to subscribe."""
    folder, secrets = tmp_path / "broker", make_secrets(tmp_path / "secrets", "ingest", "bridge", "bridge:z2m")
    folder.mkdir()
    with own_broker(secrets, folder) as city, client(city, "z2m") as listener:
        assert listener.subscribe("zigbee2mqtt/#") < 0x80
    for arguments in (("--remove", "z2m"), ("device:z2m",)):
        done = script("make-passwords", *arguments, secrets=secrets)
        assert done.returncode == 0, done.stderr
    with own_broker(secrets, folder) as city, client(city, "bridge") as bridge:
        bridge.publish("zigbee2mqtt/kitchen")
        with client(city, "z2m") as listener:
            bridge.publish("zigbee2mqtt/hall")
            assert listener.hears_nothing()


async def test_an_old_share_takes_nothing_from_one_worker_or_a_new_group(tmp_path: Path) -> None:
    """A session that joined the workers' share while an ACL file let it outlives the upgrade; 2.0.11 forgets it."""
    folder, secrets = tmp_path / "broker", make_secrets(tmp_path / "secrets", "ingest", "device:pm-7", "device:pm-8")
    folder.mkdir()
    users = secrets / "mosquitto_users.json"
    shipped = users.read_text()
    permissive = json.loads(shipped)
    permissive["defaultACLAccess"] = dict.fromkeys(permissive["defaultACLAccess"], True)
    users.write_text(json.dumps(permissive))
    with own_broker(secrets, folder) as city, client(city, DEVICE) as attacker:
        assert attacker.subscribe("$share/ingest/city/#") < 0x80
    users.write_text(shipped)
    got = {}
    with own_broker(secrets, folder) as city:
        for name, settings in {"one": {}, "new": {"workers": 2, "group": "new"}}.items():
            taken, _ = subscriptions(IngestSettings.model_validate(settings))
            async with Session(Address.parse(city.url("ingest")), client_id=name, subscriptions=taken) as ingest:
                async with asyncio.timeout(5):
                    await ingest.connected()
                await asyncio.to_thread(_publish_100, city)
                await asyncio.sleep(0.5)
                messages = await ingest.receive()
                ingest.acknowledge(messages)
                got[name] = len({message.payload for message in messages})
    assert got == {"one": 100, "new": 100}


def _publish_100(city: City) -> None:
    with client(city, "pm-8") as neighbour:
        for number in range(100):
            neighbour.publish("city/th-30/smart_city/air_quality/pm-8", b"%d" % number)

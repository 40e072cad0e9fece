"""One paho client of the city's broker, MQTT 5 or 3.1.1, whose answers a test can wait for."""

import queue
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from support.own_city import City

NOT_AUTHORIZED = 135
BAD_CREDENTIALS = {134, NOT_AUTHORIZED}


class Client:
    """A user of the broker.

    Args:
        city: The broker.
        user: Name of the user.
        password: Another password than its own.
        client_id: Another client id than its own.
        protocol: `paho.MQTTv5` or `paho.MQTTv311`.
    """

    def __init__(
        self,
        city: City,
        user: str,
        password: str | None = None,
        *,
        client_id: str | None = None,
        protocol: Any = paho.MQTTv5,
    ) -> None:
        self.answers: queue.Queue[tuple[str, Any]] = queue.Queue()
        is_old = protocol == paho.MQTTv311
        self.paho = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id or city.client_id(user),
            protocol=protocol,
            clean_session=False if is_old else None,
        )
        self.paho.username_pw_set(user, city.password(user) if password is None else password)
        self.paho.tls_set_context(ssl.create_default_context(cafile=city.secrets / "ca.crt"))
        self.paho.on_connect = lambda _, __, ___, code, ____: self.answers.put(("connect", code.value))
        self.paho.on_publish = lambda _, __, ___, code, ____: self.answers.put(("publish", code.value))
        self.paho.on_subscribe = lambda _, __, ___, codes, ____: self.answers.put(("subscribe", codes[0].value))
        self.paho.on_disconnect = lambda _, __, ___, code, ____: self.answers.put(("disconnect", code.value))
        self.paho.on_message = lambda _, __, message: self.answers.put(("message", message.topic))
        self._city = city
        self._is_old = is_old

    def connect(self) -> int:
        if self._is_old:
            self.paho.connect("127.0.0.1", self._city.port)
        else:
            kept = Properties(PacketTypes.CONNECT)
            kept.SessionExpiryInterval = 3600
            self.paho.connect("127.0.0.1", self._city.port, clean_start=False, properties=kept)
        self.paho.loop_start()
        return int(self.wait("connect"))

    def publish(self, topic: str, payload: bytes = b"{}", *, retain: bool = False) -> int:
        self.paho.publish(topic, payload, qos=1, retain=retain)
        return int(self.wait("publish"))

    def subscribe(self, topic: str) -> int:
        self.paho.subscribe(topic, qos=1)
        return int(self.wait("subscribe"))

    def wait(self, what: str, timeout_s: float = 5) -> Any:
        while True:
            kind, answer = self.answers.get(timeout=timeout_s)
            if kind == what:
                return answer

    def hears_nothing(self, seconds: float = 0.3) -> bool:
        try:
            self.wait("message", seconds)
        except queue.Empty:
            return True
        return False

    def close(self) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()


@contextmanager
def client(city: City, user: str, **options: Any) -> Iterator[Client]:
    opened = Client(city, user, **options)
    try:
        assert opened.connect() == 0
        yield opened
    finally:
        opened.close()

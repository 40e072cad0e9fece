"""Hands messages to a broker with paho-mqtt and knows which of them it confirmed.

paho runs its own thread. Everything here but the three callbacks belongs to the thread that made the publisher; the
callbacks only append to a deque and set an event, because paho holds its own locks while it calls them.
"""

import secrets
import threading
import time
from collections import deque
from types import TracebackType
from typing import Any, Final, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from city.errors import ConfigurationError, Unavailable
from city.mqtt.address import Address

_WINDOW: Final = 200
_KEEPALIVE_S: Final = 30
_DISCONNECT_S: Final = 0.7
_REFUSED: Final = frozenset({0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C})
"""CONNACK codes that another try will not change: version, client id, password, rights, ban, method."""


class Publisher:
    """A client of a broker, QoS 1, with a bounded number of messages in flight. It reconnects by itself.

    Attributes:
        confirmed: Readings in messages that the broker confirmed with a PUBACK.
        refused: Readings in messages that it refused.
        reason: Why it refused the last one.
    """

    def __init__(self, address: Address, name: str) -> None:
        self.confirmed = 0
        self.refused = 0
        self.reason = ""
        self._address = address
        self._pending: dict[int, int] = {}
        self._answers: deque[tuple[int, str]] = deque()
        self._wake = threading.Event()
        self._window = 0
        self._connect_refusal = ""
        self._client = self._made(name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the connection and it stands."""
        return self._client.is_connected()

    @property
    def pending(self) -> int:
        """Count the messages that wait for their PUBACK."""
        self._settle()
        return len(self._pending)

    @property
    def room(self) -> int:
        """Count the messages that may be published now; 0 while there is no connection."""
        return max(self._window - self.pending, 0) if self.connected else 0

    def start(self) -> None:
        """Begin to connect, and go on trying until `close`."""
        self._client.connect_async(self._address.host, self._address.port, _KEEPALIVE_S)
        self._client.loop_start()

    def check(self) -> None:
        """Raise if the broker will never accept the connection.

        Raises:
            ConfigurationError: It refused it for good.
        """
        if self._connect_refusal:
            raise ConfigurationError(f"the broker at {self._address} refuses the connection: {self._connect_refusal}")

    def connect(self, within_s: float, stop: threading.Event) -> None:
        """Start, and wait for the connection.

        Raises:
            Unavailable: There was none in time.
            ConfigurationError: The broker refused the connection for good.
        """
        self.start()
        deadline = time.monotonic() + within_s
        while not self.connected and not stop.is_set():
            self.check()
            if time.monotonic() > deadline:
                raise Unavailable(f"no broker answers at {self._address}")
            self.wait(0.05)

    def publish(self, topic: str, payload: bytes, readings: int) -> None:
        """Hand over a message; only while there is `room`."""
        info = self._client.publish(topic, payload, qos=1)
        self._pending[info.mid] = readings

    def wait(self, within_s: float) -> None:
        """Wait until the broker answered something."""
        self._wake.wait(within_s)
        self._wake.clear()

    def close(self, grace_s: float = 0.0) -> None:
        """Wait for what is in flight, at most `grace_s`, then disconnect, which takes at most a second more."""
        deadline = time.monotonic() + grace_s
        while self.pending and self.connected and time.monotonic() < deadline:
            self.wait(0.05)
        self._client.disconnect()
        # paho's thread may hang in a connect to a host that doesn't answer; it is a daemon, so we needn't wait for it
        closing = threading.Thread(target=self._client.loop_stop, name="publisher-disconnect", daemon=True)
        closing.start()
        closing.join(_DISCONNECT_S)
        self._settle()

    def _settle(self) -> None:
        while self._answers:
            mid, reason = self._answers.popleft()
            readings = self._pending.pop(mid, 0)
            if reason:
                self.refused += readings
                self.reason = reason
            else:
                self.confirmed += readings

    def _made(self, name: str) -> paho.Client:
        # a broker with passwords knows a user by one client id, which deploy/make-passwords makes the user's name
        client_id = self._address.user or f"{name}-{secrets.token_hex(4)}"
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv5)
        # only this publisher's window bounds what is in flight: it knows the broker's Receive Maximum, paho ignores it
        client.max_inflight_messages_set(_WINDOW)
        client.reconnect_delay_set(min_delay=1, max_delay=8)
        if self._address.user is not None:
            secret = self._address.secret()
            client.username_pw_set(self._address.user, None if secret is None else secret.decode())
        context = self._address.ssl_context()
        if context is not None:
            client.tls_set_context(context)
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        return client

    def _on_connect(
        self,
        _client: paho.Client,
        _userdata: Any,
        _flags: paho.ConnectFlags,
        code: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if code.is_failure:
            self._connect_refusal = str(code) if code.value in _REFUSED else ""
        else:
            # absent, the broker takes 65,535 (MQTT 5, 3.2.2.3.3)
            self._window = min(_WINDOW, getattr(properties, "ReceiveMaximum", 65_535))
        self._wake.set()

    def _on_publish(
        self, _client: paho.Client, _userdata: Any, mid: int, code: ReasonCode, _properties: Properties
    ) -> None:
        self._answers.append((mid, str(code) if code.is_failure else ""))
        self._wake.set()

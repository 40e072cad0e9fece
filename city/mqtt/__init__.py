"""MQTT 5 over asyncio: a session that reconnects, acknowledges when asked to and holds a bounded amount."""

from city.mqtt.address import Address
from city.mqtt.counters import Counters
from city.mqtt.errors import Disconnected, MqttError, NotSent, PublishRefused
from city.mqtt.inbox import Message
from city.mqtt.packets import Subscription, Will
from city.mqtt.session import Session

__all__ = [
    "Address",
    "Counters",
    "Disconnected",
    "Message",
    "MqttError",
    "NotSent",
    "PublishRefused",
    "Session",
    "Subscription",
    "Will",
]

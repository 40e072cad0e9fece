"""What the broker says of itself on its `$SYS` topics (mosquitto(8), "Broker Status")."""

from typing import Final

from city.mqtt import Message

TOPICS: Final = {
    "$SYS/broker/load/messages/received/1min": ("broker_rate", 60.0),
    "$SYS/broker/load/publish/dropped/1min": ("broker_dropped_rate", 60.0),
    "$SYS/broker/clients/connected": ("broker_clients", 1.0),
    "$SYS/broker/store/messages/count": ("broker_queued", 1.0),
}
"""Topic to quantity, and what its figure is divided by."""


def understand(messages: list[Message]) -> dict[str, float]:
    """The newest figure of each topic; what is no number is passed over, as another broker may say it otherwise."""
    found: dict[str, float] = {}
    for message in messages:
        if message.topic in TOPICS:
            quantity, over = TOPICS[message.topic]
            try:
                found[quantity] = float(message.payload) / over
            except ValueError:
                continue
    return found

"""The MQTT link: foreign topics, acknowledged only when the spool has what they brought.

While the spool is full nothing is acknowledged, so the broker keeps the messages and, by the receive maximum, stops.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from city.errors import Reason
from city.mqtt import Address, Disconnected, Message, PublishRefused, Session, Subscription
from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.decoders import Origin
from gateway.decoders.sparkplug.node import Sessions
from gateway.links import Accept, Understand
from gateway.links.counters import LinkCounters
from gateway.links.custody import hand_over
from gateway.links.routes import Route

_AT_ONCE: Final = 500
_MOST_HELD: Final = 2_000
"""Messages without an acknowledgement."""

_MOST_BYTES: Final = 2**20
"""Of a larger message that can't be decoded only the beginning is kept, so that its pack stays transportable."""

_SPARKPLUG: Final = "sparkplug"


class MqttLink:
    """A subscriber to foreign topics.

    Args:
        accept: Takes custody.
        understand: Decodes.
        address: The broker.
        routes: What to subscribe to, and who decodes it; the first that matches a topic counts.
        client_id: Name of its session at the broker.
        counters: Of this link; None: its own.
    """

    def __init__(
        self,
        accept: Accept,
        understand: Understand,
        address: Address,
        routes: Sequence[Route],
        *,
        client_id: str,
        counters: LinkCounters | None = None,
    ) -> None:
        self._accept = accept
        self._decode = understand
        self._address = address
        self._routes = routes
        self._client_id = client_id
        self._counters = counters or LinkCounters("mqtt")
        self._edge_nodes = Sessions()
        self._commands: list[tuple[str, bytes]] = []

    async def run(self) -> None:
        """Work until cancelled."""
        async with Session(
            self._address,
            client_id=self._client_id,
            subscriptions=[Subscription(route.filter) for route in self._routes],
            most_messages=_MOST_HELD,
            name="gateway link",
        ) as session:
            while True:
                messages = await session.receive(_AT_ONCE)
                await self._hand_over(messages)
                session.acknowledge(messages)
                await self._command(session)

    async def _hand_over(self, messages: list[Message]) -> None:
        """Return when the spool has what these messages brought, however long that takes."""
        readings: list[Reading] = []
        undecoded: list[Undecoded] = []
        for message in messages:
            some, rest = self._understand(message)
            readings += some
            undecoded += rest
        await hand_over(self._accept, readings, undecoded, self._counters, messages=len(messages))

    def _understand(self, message: Message) -> tuple[list[Reading], list[Undecoded]]:
        origin = next(filter(None, (route.origin(message.topic) for route in self._routes)), None)
        if origin is None:
            origin = Origin("mqtt", "unknown", {"topic": message.topic})
        payload = message.payload
        if origin.decoder == _SPARKPLUG:
            origin, payload, request = self._edge_nodes.complete(origin, payload, message.received_ns)
            self._commands += [request] if request else []
        readings, undecoded = self._decode(origin, payload, message.received_ns)
        return readings, [_shortened(item) for item in undecoded]

    async def _command(self, session: Session) -> None:
        """Ask Sparkplug's edge nodes for births that were missed; an unheard command is repeated by their next data."""
        commands, self._commands = self._commands, []
        for topic, payload in commands:
            with suppress(Disconnected, PublishRefused):
                await session.publish(topic, payload, qos=0)


def _shortened(item: Undecoded) -> Undecoded:
    if len(item.payload) <= _MOST_BYTES:
        return item
    detail = f"{len(item.payload)} bytes, of which the first {_MOST_BYTES} are kept"
    return Undecoded(item.source, item.payload[:_MOST_BYTES], item.received_at_ns, str(Reason.TOO_LARGE), detail)

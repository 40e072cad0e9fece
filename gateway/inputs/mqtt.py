"""The MQTT link: foreign topics, acknowledged only when the spool has what they brought.

While the spool is full nothing is acknowledged, so the broker keeps the messages and, by the receive maximum, stops.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from city.mqtt import Address, Disconnected, Message, PublishRefused, Session, Subscription
from city.reading import Reading
from city.wire.pack import Undecoded
from gateway.decoders import Origin
from gateway.decoders.sparkplug.node import Sessions
from gateway.inputs import Accept, Understand
from gateway.inputs.counters import InputCounters
from gateway.inputs.custody import hand_over
from gateway.inputs.routes import Route

_AT_ONCE: Final = 500
_MOST_HELD: Final = 2_000
"""Messages without an acknowledgement."""

_SPARKPLUG: Final = "sparkplug"


class MqttInput:
    """A subscriber to foreign topics.

    Args:
        accept: Takes custody.
        understand: Decodes.
        address: The broker.
        routes: What to subscribe to, and who decodes it; the first that matches a topic counts.
        client_id: Name of its session at the broker.
        memory: File that keeps what was subscribed to, so that a route which the settings lose is taken back;
            None: nothing does.
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
        memory: Path | None = None,
        counters: InputCounters | None = None,
    ) -> None:
        self._accept = accept
        self._decode = understand
        self._address = address
        self._routes = routes
        self._client_id = client_id
        self._memory = memory
        self._counters = counters or InputCounters("mqtt")
        self._edge_nodes = Sessions()
        self._commands: list[tuple[str, bytes]] = []

    async def run(self) -> None:
        """Work until cancelled."""
        filters = {route.filter for route in self._routes}
        async with Session(
            self._address,
            client_id=self._client_id,
            subscriptions=[Subscription(each) for each in sorted(filters)],
            withdrawn=[Subscription(each) for each in sorted(remembered(self._memory) - filters)],
            most_messages=_MOST_HELD,
            name="gateway link",
        ) as session:
            await session.connected()
            _remember(self._memory, filters)
            connection = session.connection
            while True:
                messages = await session.receive(_AT_ONCE)
                if session.connection != connection:
                    connection = session.connection
                    # what came at QoS 0 meanwhile is gone, births with other aliases among it
                    self._edge_nodes.forget()
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
        if message.retain:
            # the broker repeats it at each connection: without a time of its own it would be new each time
            dated = [reading for reading in readings if reading.time_ns != message.received_ns]
            if len(dated) < len(readings):
                self._counters.fail("retained_without_time", topic=message.topic)
            readings = dated
        return readings, undecoded

    async def _command(self, session: Session) -> None:
        """Ask Sparkplug's edge nodes for births that were missed; an unheard command is repeated by their next data."""
        commands, self._commands = self._commands, []
        for topic, payload in commands:
            with suppress(Disconnected, PublishRefused):
                await session.publish(topic, payload, qos=0)


def remembered(memory: Path | None) -> set[str]:
    """Say what the last link subscribed to."""
    try:
        return set(memory.read_text("utf-8").splitlines()) if memory else set()
    except (OSError, UnicodeDecodeError):
        return set()


def _remember(memory: Path | None, filters: set[str]) -> None:
    if memory is not None:
        with suppress(OSError):  # then it is taken back at another start
            memory.write_text("".join(f"{each}\n" for each in sorted(filters)), "utf-8")

"""The MQTT input: foreign topics, acknowledged only when the spool has what they brought.

While the spool is full nothing is acknowledged, so the broker keeps the messages and, by the receive maximum, stops.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import combinations
from pathlib import Path
from typing import Final

from pydantic import field_validator

from city.errors import ConfigurationError
from city.mqtt import Address, Disconnected, Message, PublishRefused, Session, Subscription
from city.reading import Reading
from city.tables import Id
from city.wire.direct import has_time_of_receipt
from city.wire.pack import Undecoded
from gateway.decoders import Origin
from gateway.decoders.sparkplug.node import Sessions
from gateway.inputs.copies import Copies
from gateway.inputs.input import DecoderChoice, InputContext, InputTable
from gateway.inputs.routes import Route, TopicTable, fewest, overlap

_AT_ONCE: Final = 500
_MAX_HELD: Final = 2_000
"""Messages without an acknowledgement."""

_CITY_S_OWN: Final = ("city/+/gateway/+/+", "city/+/smart_city/+/+", "city/+/logistic_hub/+/+")
"""What ingest takes itself: a gateway that took it too would send on what it had sent."""

_GATEWAY_TOPIC: Final = re.compile("city/[^/]*/gateway/.*", re.DOTALL)

_SPARKPLUG: Final = "sparkplug"
_NAME: Final = "mqtt"
"""Of the first one, which has neither its client id nor its file made longer by it."""


class MqttTable(InputTable):
    """One `[[input.mqtt]]`: a broker, and the topics of it.

    Attributes:
        name: Name of the input.
        url: The broker, `mqtt://user:password@host:1883` or `mqtts://`; empty: the city's own.
        topics: What to subscribe to, and who reads it; the first that matches a topic counts.
    """

    name: Id = _NAME
    url: str = ""
    topics: tuple[TopicTable, ...] = ()

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            _ = value and Address.parse(value)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return value

    def choices(self) -> Iterator[tuple[str, DecoderChoice]]:
        """Give what its topics choose."""
        yield from ((topic.filter, topic) for topic in self.topics)


class MqttInput:
    """A subscriber to foreign topics.

    Args:
        table: Its settings.
        context: What every input is given.
    """

    def __init__(self, table: MqttTable, context: InputContext) -> None:
        self._context = context
        self._address = Address.parse(table.url) if table.url else context.broker
        self._routes = [Route.from_table(topic) for topic in table.topics]
        self._client_id = context.client_id if table.name == _NAME else f"{context.client_id}-{table.name}"
        # a topic that the settings lose is taken back from the broker at the next start
        self._memory = memory_of(table.name, context.spool)
        self._copies = Copies([])
        self._edge_nodes = Sessions()
        self._commands: list[tuple[str, bytes]] = []

    async def open(self) -> None:
        """Look at the filters; a broker that is away is waited for in `run`.

        Raises:
            ConfigurationError: On the city's own broker, one takes what gateways and devices publish for ingest.
        """
        city = self._context.broker
        if (self._address.host, self._address.port) != (city.host, city.port):
            return
        for route in self._routes:
            if any(overlap(route.filter, own) for own in _CITY_S_OWN):
                raise ConfigurationError(
                    f"the filter {route.filter!r} of the input {self._context.counters.name!r} covers topics of the "
                    "city's own broker that ingest takes (city/...): the gateway would send them again and again; "
                    "name the topics that are meant"
                )

    async def close(self) -> None:
        """Nothing: the session ends with `run`."""

    async def run(self) -> None:
        """Work until cancelled."""
        filters = fewest(route.filter for route in self._routes)
        self._copies = Copies(sorted(filters))
        async with Session(
            self._address,
            client_id=self._client_id,
            subscriptions=self._copies.subscriptions(),
            withdrawn=[Subscription(each) for each in sorted(remembered(self._memory) - filters)],
            max_messages=_MAX_HELD,
            name="gateway input",
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
            if self._copies.is_further(message):
                continue
            some, rest = self._understand(message)
            readings += some
            undecoded += rest
        await self._context.deliver_at_last(readings, undecoded, messages=len(messages))

    def _understand(self, message: Message) -> tuple[list[Reading], list[Undecoded]]:
        if _GATEWAY_TOPIC.fullmatch(message.topic):
            # whatever the broker: a bridge, or a second name of the city's own, may bring back what gateways sent
            self._context.counters.fail("gateway_topic", topic=message.topic)
            return [], []
        origin = next(
            filter(None, (route.origin(message.topic, self._context.decoding.ids) for route in self._routes)), None
        )
        if origin is None:
            origin = Origin("mqtt", "unknown", {"topic": message.topic})
        payload = message.payload
        if origin.decoder == _SPARKPLUG:
            origin, payload, request = self._edge_nodes.complete(origin, payload, message.received_ns)
            self._commands += [request] if request else []
        readings, undecoded = self._context.decode(origin, payload, message.received_ns)
        if message.retain:
            # the broker repeats it at each connection: without a time of its own it would be new each time
            dated = [reading for reading in readings if not has_time_of_receipt(reading, message.received_ns)]
            if len(dated) < len(readings):
                self._context.counters.fail("retained_without_time", topic=message.topic)
            readings = dated
        return readings, undecoded

    async def _command(self, session: Session) -> None:
        """Ask Sparkplug's edge nodes for births that were missed; an unheard command is repeated by their next data."""
        commands, self._commands = self._commands, []
        for topic, payload in commands:
            with suppress(Disconnected, PublishRefused):
                await session.publish(topic, payload, qos=0)


def refuse_overlaps(tables: Iterable[InputTable], city: Address) -> None:
    """Refuse two inputs on one broker of which both would take a message: it would be stored twice.

    Args:
        tables: All inputs.
        city: The city's own broker, which a table without a `url` means.

    Raises:
        ConfigurationError: There are two; the sentence names them and their filters.
    """
    given = [
        (table.name, (address.host, address.port), route.filter)
        for table in tables
        if isinstance(table, MqttTable)
        for address in [Address.parse(table.url) if table.url else city]
        for route in map(Route.from_table, table.topics)
    ]
    for (name, broker, one), (other_name, other_broker, other) in combinations(given, 2):
        if name != other_name and broker == other_broker and overlap(one, other):
            raise ConfigurationError(
                f"the inputs {name!r} and {other_name!r} are on one broker, and their filters {one!r} and {other!r} "
                "take the same messages: put them into one table, where the first that matches counts"
            )


def memory_of(name: str, spool: Path) -> Path:
    """Name the file, beside the spool, that keeps what an input has subscribed to."""
    return spool.with_name(f"{spool.name}.topics" if name == _NAME else f"{spool.name}.{name}.topics")


def remembered(memory: Path) -> set[str]:
    """Give what the last input of this name subscribed to."""
    try:
        return set(memory.read_text("utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        return set()


def _remember(memory: Path, filters: set[str]) -> None:
    with suppress(OSError):  # then it is taken back at another start
        memory.write_text("".join(f"{each}\n" for each in sorted(filters)), "utf-8")

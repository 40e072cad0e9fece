"""Records what a broker carries, so that it can be replayed: MQTT messages as they arrived, with the time of each.

A message is acknowledged when it stands in the file. So what is published while the line is down is in the recording
too, as long as the broker keeps the session; it bears the time at which it arrived in the end.
"""

import asyncio
import io
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from rich.console import Console

from city.catalog import Workstream
from city.errors import ConfigurationError, Unavailable
from city.mqtt import Address, Message, Session, Subscription
from simulators.replay.record import SUFFIX, Record, write_record

DEVICES: Final = tuple(f"city/+/{workstream}/+/+" for workstream in Workstream)
"""What devices publish themselves. Packs are left out: they would come again under the numbers of their gateway."""

_CONNECT_S: Final = 10.0
_SESSION_S: Final = 3600
_EVERY_S: Final = 10.0


class Recorder:
    """Writes one file.

    Args:
        file: A new one, `*.korat.jsonl`.
        broker: Where to subscribe.
        filters: Topic filters; messages that the broker had kept from before are left out, for they have no time.
        client_id: Of a user that is bound to one; empty: a new one.

    Raises:
        ConfigurationError: The file is there already, can't be made, or has another ending.
    """

    def __init__(self, file: Path, broker: Address, filters: Sequence[str], client_id: str = "") -> None:
        if not file.name.endswith(SUFFIX):
            raise ConfigurationError(f"{file}: a recording of messages is named *{SUFFIX}, so that replay knows it")
        self._file = file
        self._broker = broker
        self._client_id = client_id or f"korat-record-{secrets.token_hex(4)}"
        self._subscriptions = [Subscription(each) for each in filters]
        self._out = _new(file)
        self._console = Console(stderr=True, highlight=False)
        self._messages = self._bytes = self._kept = 0
        self._topics: set[str] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Record until the event is set, then print what was recorded.

        Raises:
            Unavailable: No broker answers.
            ConfigurationError: The file can't be written any more.
        """
        with self._out as out:
            async with Session(
                self._broker,
                client_id=self._client_id,
                subscriptions=self._subscriptions,
                session_expiry_s=_SESSION_S,
                name="record",
            ) as session:
                session.forget()
                await self._connected(session)
                writing = asyncio.create_task(self._write(session, out), name="record")
                stopping = asyncio.create_task(stop.wait(), name="stop recording")
                tasks = writing, stopping
                while not (await asyncio.wait(tasks, timeout=_EVERY_S, return_when=asyncio.FIRST_COMPLETED))[0]:
                    self._console.print(f"{self._file.name}: {self}", soft_wrap=True)
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
            os.fsync(out.fileno())
        self._console.print(f"{self._file.name}: {self}", soft_wrap=True)
        if not writing.cancelled():
            writing.result()

    def __str__(self) -> str:
        kept = f"; {self._kept:,} left out, which the broker had kept from before" if self._kept else ""
        return f"{self._messages:,} messages of {len(self._topics):,} topics, {self._bytes / 1e6:.1f} MB{kept}"

    async def _connected(self, session: Session) -> None:
        try:
            async with asyncio.timeout(_CONNECT_S):
                await session.connected()
        except TimeoutError:
            self._file.unlink()
            raise Unavailable(
                f"no broker answers at {self._broker}: {session.last_error or 'silence'}; a user that is bound to one "
                "client id needs it as KORAT_MQTT_CLIENT_ID"
            ) from None

    async def _write(self, session: Session, out: io.FileIO) -> None:
        while True:
            messages = await session.receive()
            try:
                self._take(messages, out)
            except OSError as error:
                raise ConfigurationError(f"{self._file} can't be written: {error.strerror}; {self}") from None
            session.acknowledge(messages)

    def _take(self, messages: list[Message], out: io.FileIO) -> None:
        news = [message for message in messages if not message.retain]
        lines = io.BytesIO()
        for message in news:
            write_record(lines, Record(message.received_ns, message.topic, message.payload))
        _append(out, lines.getbuffer())
        self._kept += len(messages) - len(news)
        self._messages += len(news)
        self._bytes += sum(len(message.payload) for message in news)
        self._topics.update(message.topic for message in news)


def _append(out: io.FileIO, lines: memoryview) -> None:
    """Write all of it or nothing, so that the file ends with a whole line."""
    before = out.tell()
    try:
        while lines:
            lines = lines[out.write(lines) :]
    except OSError:
        with suppress(OSError):
            out.truncate(before)
        raise


def _new(file: Path) -> io.FileIO:
    try:
        return file.open("xb", buffering=0)
    except FileExistsError:
        raise ConfigurationError(f"{file} is there already; a recording is never written over") from None
    except OSError as error:
        raise ConfigurationError(f"{file} can't be made: {error.strerror}") from None

"""Inputs opened and ended together; those that poll are tasks, those that listen are servers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import structlog

from city.backoff import Backoff
from city.errors import ConfigurationError, KoratError
from city.network import is_loopback
from gateway.decoders.mapping import JsonMapping
from gateway.inputs import Accept, Understand
from gateway.inputs.configuration import Inputs, TrackerTable, name_of
from gateway.inputs.counters import InputCounters
from gateway.inputs.credentials import Hook, Tokens
from gateway.inputs.folder import FolderInput
from gateway.inputs.http import HttpAuth
from gateway.inputs.modbus import ModbusInput
from gateway.inputs.poll import PollInput
from gateway.inputs.tcp import TcpInput
from gateway.inputs.tracker_protocols import TRACKER_PROTOCOLS
from gateway.inputs.udp import UdpInput

_Run: TypeAlias = Callable[[], Coroutine[Any, Any, None]]
_GOOD_S: Final = 60.0
"""Seconds after which a run was a good one: what breaks it then is answered with a short pause again."""

_log = structlog.get_logger(__name__)

Count: TypeAlias = Callable[[str], InputCounters]
"""Gives a link of this name its counters."""


@asynccontextmanager
async def open_links(
    links: Inputs,
    accept: Accept,
    understand: Understand,
    tasks: asyncio.TaskGroup,
    *,
    data: Path,
    count: Count,
    mappings: Mapping[str, JsonMapping] = MappingProxyType({}),
) -> AsyncIterator[None]:
    """Open all but the HTTP and MQTT links, and end them within a second.

    Args:
        links: The settings.
        accept: Takes custody.
        understand: Decodes.
        tasks: Where polling happens, so that a damaged spool ends the gateway.
        data: Folder that relative paths begin in.
        count: Gives a link its counters.
        mappings: What folders' columns must be there for.

    Raises:
        ConfigurationError: A port is taken, or a folder can't be made.
    """
    async with AsyncExitStack() as stack:
        work: list[tuple[InputCounters, _Run]] = []
        for table in links.tcp:
            if table.port:
                await stack.enter_async_context(_tcp(table, accept, understand, count(name_of(table, "tcp"))))
        for table in links.udp:
            if table.port:
                counters = count(name_of(table, "udp"))
                udp = await stack.enter_async_context(_udp(table, accept, understand, counters))
                work.append((counters, udp.run))
        for folder in links.folder:
            counters = count(folder.name)
            mapping = mappings.get(folder.parameters.get("mapping", "")) if folder.decoder == "mapped" else None
            wanted = frozenset[str]() if mapping is None else mapping.names()
            work.append((counters, FolderInput(accept, understand, folder, data, counters, wanted).run))
        for modbus in links.modbus:
            counters = count(modbus.name)
            work.append((counters, ModbusInput(accept, modbus, counters).run))
        for poll in links.poll:
            counters = count(poll.name)
            work.append((counters, PollInput(accept, understand, poll, counters).run))
        running = [tasks.create_task(keep_running(run, each), name=f"link {each.link}") for each, run in work]
        try:
            yield
        finally:
            for task in running:
                task.cancel()
            if running:
                await asyncio.wait(running)


async def keep_running(run: _Run, counters: InputCounters) -> None:
    """Run a link until it is cancelled; a bug in it, or in a library of it, must not stop the others.

    Raises:
        KoratError: Our own errors: the spool is damaged.
    """
    backoff = Backoff(first_s=1.0, most_s=60.0)
    loop = asyncio.get_running_loop()
    while True:
        began_s = loop.time()
        try:
            await run()
        except KoratError:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, it is logged, and the link works again
            counters.fail("crashed", detail=f"{type(error).__name__}: {error}")
            _log.exception("a link broke and is started again", link=counters.link)
        if loop.time() - began_s > _GOOD_S:
            backoff.reset()
        await asyncio.sleep(backoff.next())


@asynccontextmanager
async def _tcp(
    table: TrackerTable, accept: Accept, understand: Understand, counters: InputCounters
) -> AsyncIterator[None]:
    speech = TRACKER_PROTOCOLS[table.protocol]
    link = TcpInput(accept, understand, speech, counters, host=table.host, port=table.port, limits=table.limits())
    await _listening(link.open(), "TCP", table)
    try:
        yield
    finally:
        await link.close()


@asynccontextmanager
async def _udp(
    table: TrackerTable, accept: Accept, understand: Understand, counters: InputCounters
) -> AsyncIterator[UdpInput]:
    speech = TRACKER_PROTOCOLS[table.protocol]
    link = UdpInput(accept, understand, speech, counters, host=table.host, port=table.port, limits=table.limits())
    await _listening(link.open(), "UDP", table)
    try:
        yield link
    finally:
        await link.close()


async def _listening(opening: Coroutine[Any, Any, None], transport: str, table: TrackerTable) -> None:
    try:
        await opening
    except OSError as error:
        where = f"{transport} {table.host}:{table.port}"
        raise ConfigurationError(f"the gateway can't listen on {where}: {error.strerror}") from None


def doors(links: Inputs, host: str, folder: Path) -> HttpAuth:
    """Say who may push over HTTP; without any credentials whoever is on this machine may.

    Args:
        links: The settings.
        host: Address that the HTTP link listens on.
        folder: Where secret files are looked for.

    Raises:
        ConfigurationError: The address isn't loopback and there is no credential, or a secret can't be read.
    """
    tokens = Tokens(links.token, folder)
    hooks = {table.name: Hook(table, folder) for table in links.hook}
    if not (is_loopback(host) or tokens or hooks):
        raise ConfigurationError(
            f"KORAT_GATEWAY_HTTP_HOST (gateway.http_host): on {host} anybody could send readings; "
            "add a [[link.token]] or [[link.hook]] to gateway.toml, or listen on 127.0.0.1"
        )
    return HttpAuth(tokens, open=not tokens and is_loopback(host), hooks=hooks)

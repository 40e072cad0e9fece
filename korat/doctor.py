"""`korat doctor`: is this machine fit, and is the platform well?"""

import asyncio
import os
import shutil
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Final

from rich.console import Console

from city.errors import KoratError
from city.ledger import open_ledger
from city.mqtt import Session
from city.store import open_store
from korat import broker
from korat.settings import Everything

ENOUGH_BYTES: Final = 2**30
ANSWER_S: Final = 3.0

Finding = Awaitable[str]


async def doctor(settings: Everything) -> None:
    """Print a line for each look; the last line says whether all was well.

    Raises:
        KoratError: Something is wrong.
    """
    console = Console()
    wrong = 0
    looks: dict[str, Callable[[Everything], Finding]] = {
        "python": _python,
        "data folder": _data,
        "mosquitto": _mosquitto,
        "broker": _broker,
        "API port": _api,
        "store": _store,
        "ledger": _ledger,
    }
    for name, look in looks.items():
        try:
            async with asyncio.timeout(ANSWER_S):
                found = await look(settings)
        except (KoratError, OSError, TimeoutError) as error:
            wrong += 1
            console.print(f"[red]✗[/] {name}: {error or 'no answer'}", highlight=False)
        else:
            console.print(f"[green]✓[/] {name}: {found}", highlight=False)
    if wrong:
        raise KoratError(f"{wrong} of {len(looks)} looks found something wrong")


async def _python(_: Everything) -> str:
    return f"{sys.version.split()[0]} at {sys.executable}"


async def _data(settings: Everything) -> str:
    settings.data.mkdir(parents=True, exist_ok=True)
    if not os.access(settings.data, os.W_OK):
        raise KoratError(f"{settings.data} is not writable")
    free = shutil.disk_usage(settings.data).free
    if free < ENOUGH_BYTES:
        raise KoratError(f"{settings.data} has only {free / 2**20:.0f} MiB free")
    return f"{settings.data}, {free / 2**30:.0f} GiB free"


async def _mosquitto(_: Everything) -> str:
    return broker.find()


async def _broker(settings: Everything) -> str:
    address = settings.mqtt.address()
    async with Session(address, client_id=f"korat-doctor-{os.getpid()}", session_expiry_s=0, name="doctor") as session:
        try:
            async with asyncio.timeout(ANSWER_S * 0.8):
                await session.connected()
        except TimeoutError:
            raise KoratError(f"{address}: {session.last_error or 'no answer'} (is the platform running?)") from None
    return f"{address} answers"


async def _api(settings: Everything) -> str:
    with socket.socket() as probe:
        if probe.connect_ex((settings.api.host, settings.api.port)) == 0:
            return f"something listens on {settings.api.host}:{settings.api.port}"
    return f"{settings.api.host}:{settings.api.port} is free"


async def _store(settings: Everything) -> str:
    store = await open_store(settings.store_url)
    try:
        await store.ping()
    finally:
        await store.aclose()
    return settings.store_url.rpartition("@")[2]


async def _ledger(settings: Everything) -> str:
    ledger = await open_ledger(settings.ledger_url)
    try:
        await ledger.ping()
    finally:
        await ledger.aclose()
    return settings.ledger_url.rpartition("@")[2]

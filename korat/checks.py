"""The checks of `korat doctor`, one function each; they change nothing and make nothing."""

import asyncio
import contextlib
import os
import shutil
import sys
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from city import topics
from city.errors import KoratError
from city.ledger import open_ledger
from city.mqtt import Address, Session, Subscription
from city.network import host_port
from city.store import open_store
from gateway.outbox.spool_file import pending_readings
from ingest.city_clock import CityClock
from ingest.clock_watch import ask_database, note_status
from korat.broker import find
from korat.inspect import HOURS, recent_account
from korat.services import GATEWAY_PORT, gateway_http, refuse_taken
from korat.settings import PlatformSettings

ENOUGH_BYTES: Final = 2**30
CONNECT_S: Final = 2.0
HEAR_S: Final = 1.0
_KEPT_S: Final = 7 * 86_400
_OK: Final = 200
_UNAVAILABLE: Final = 503


async def python(_: PlatformSettings, __: str) -> str:
    """Give version and path of the running Python; never wrong."""
    return f"{sys.version.split()[0]} at {sys.executable}"


async def data(settings: PlatformSettings, _: str) -> str:
    """Check that the data folder can be written to and has a free GiB."""
    folder = settings.data
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise KoratError(f"{there} can't be written to by this user: change its rights, or set KORAT_DATA (data)")
    free = shutil.disk_usage(there).free
    if free < ENOUGH_BYTES:
        raise KoratError(f"{folder} has only {free / 2**20:.0f} MiB left on its disk: free some space")
    return f"{folder}{'' if folder.exists() else ' (to be made at the first start)'}, {free / 2**30:.0f} GiB free"


async def mosquitto(settings: PlatformSettings, _: str) -> str:
    """Find the program; only `korat up` needs it."""
    if settings.mqtt.url:
        return "not needed, mqtt.url names a broker"
    return find()


async def platform(_: PlatformSettings, owner: str) -> str:
    """Give the process that runs in the data folder; never wrong."""
    return f"runs: {owner}" if owner else "does not run in this data folder"


async def broker(settings: PlatformSettings, owner: str) -> str:
    """Connect to the broker; where `korat up` would bring one, its port must be free."""
    address = settings.mqtt.address()
    if not owner and not settings.mqtt.url and not await _listens(address.host, address.port):
        return f"port {address.port} of {address.host} is free for `korat up`"
    given = settings.mqtt.client_id
    expiry_s = _KEPT_S if given else 0  # a queue under an id that was given is not ours to delete
    name = given or f"korat-doctor-{os.getpid()}"
    async with Session(address, client_id=name, session_expiry_s=expiry_s, name="doctor") as session:
        try:
            async with asyncio.timeout(CONNECT_S):
                await session.connected()
        except TimeoutError:
            what = session.last_error or "no answer"
            raise KoratError(
                f"{address}: {what}; start the broker there, or change KORAT_MQTT_URL, KORAT_MQTT_HOST, "
                "KORAT_MQTT_PORT; a user that is bound to one client id needs it as KORAT_MQTT_CLIENT_ID"
            ) from None
    return f"{address} answers{'' if owner or settings.mqtt.url else ', so `korat up` needs another mqtt.port'}"


async def api(settings: PlatformSettings, owner: str) -> str:
    """Ask the API whether it is ready; where none runs, its port must be free."""
    return await _http("KORAT_API_PORT (api.port)", settings.api.host, settings.api.port, "korat up" not in owner)


async def gateway(settings: PlatformSettings, owner: str) -> str:
    """Ask the gateway whether it is ready; where none runs, its port must be free."""
    host, port = gateway_http(settings)
    if port == 0:
        return "its port is the system's choice"
    return await _http(GATEWAY_PORT, host, port, "korat up" not in owner)


async def store(settings: PlatformSettings, owner: str) -> str:
    """Open the store, unless a running platform holds its file."""
    file = settings.store_file
    if file is not None and owner:
        return f"{file} is held by the running platform"
    if file is not None and not file.exists() and not file.with_name(f"{file.name}.wal").exists():
        return f"{file} will be made at the first start"
    opened = await open_store(settings.store_url)
    try:
        await opened.ping()
    finally:
        await opened.aclose()
    return f"{file or _without_secrets(settings.store_url)} answers"


async def ledger(settings: PlatformSettings, _: str) -> str:
    """Open the ledger and add up its last day."""
    file = settings.ledger_file
    if file is not None and not file.exists() and not file.with_name(f"{file.name}-wal").exists():
        return f"{file} will be made at the first start"
    opened = await open_ledger(settings.ledger_url)
    try:
        account = await recent_account(opened)
    finally:
        await opened.aclose()
    if not account.counts.is_balanced():
        raise KoratError(f"the outcomes of the last {HOURS} hours do not add up: {account.counts}; please report it")
    place = file or _without_secrets(settings.ledger_url)
    return f"{place} balances: {account.counts.received:,} readings received in the last {HOURS} hours"


async def spool(settings: PlatformSettings, _: str) -> str:
    """Open the gateway's spool, unless a running gateway holds it."""
    file = settings.spool_file
    if not file.exists() and not file.with_name(f"{file.name}-wal").exists():
        return f"{file} will be made at the first start"
    pending = await asyncio.to_thread(pending_readings, file, settings.gateway.id)
    if pending is None:
        return f"{file} is held by a running gateway"
    return f"{file}, {pending:,} readings wait for a receipt"


async def clock(settings: PlatformSettings, _: str) -> str:
    """Compare this machine's clock with those of gateways, by their retained statuses, and of the ledger's server."""
    city_clock, address = CityClock(settings.ingest.max_future_skew_s), settings.mqtt.address()
    if settings.ledger_file is None:
        ledger = await open_ledger(settings.ledger_url)
        try:
            await ask_database(city_clock, ledger)
        finally:
            await ledger.aclose()
    if await _listens(address.host, address.port):
        await _hear_statuses(city_clock, address)
    city_clock.check()
    if city_clock.verdict is None:
        return "none can tell: it takes three gateways that agree, or PostgreSQL"
    return f"{city_clock.verdict.witnesses} tell of no wrong clock"


async def _hear_statuses(city_clock: CityClock, address: Address) -> None:
    asked = [Subscription(topics.STATUSES, qos=0)]
    name = f"korat-doctor-clock-{os.getpid()}"
    async with Session(address, client_id=name, subscriptions=asked, session_expiry_s=0, name="doctor") as session:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEAR_S):
                while True:
                    for message in await session.receive():
                        note_status(city_clock, message.topic, message.payload, retained=message.retain)


async def _http(key: str, host: str, port: int, may_be_absent: bool) -> str:  # noqa: FBT001 - one private caller each
    if may_be_absent and not await _listens(host, port):
        refuse_taken(key, host, port)
        return f"port {port} of {host} is free"
    status, body = await _ready(key, host, port)
    if status == _OK:
        return f"http://{host}:{port} is ready"
    raise KoratError(f"http://{host}:{port} is not ready: {body.get('detail') or body}; see its log")


async def _ready(key: str, host: str, port: int) -> tuple[int, dict[str, object]]:
    """Ask `/health/ready`, which the API and the gateway both have."""
    foreign = f"{key}: something else listens on port {port} of {host}; end it, or choose another port"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CONNECT_S)) as client,
            client.get(f"http://{host_port(host, port)}/health/ready", allow_redirects=False) as answer,
        ):
            status, body = answer.status, await answer.json(content_type=None)
    except aiohttp.ClientConnectorError as error:
        raise KoratError(f"{key}: nothing answers on port {port} of {host} ({error.strerror}); see the log") from None
    except (aiohttp.ClientError, OSError, ValueError):
        raise KoratError(foreign) from None
    if status not in {_OK, _UNAVAILABLE} or not isinstance(body, dict):
        raise KoratError(foreign)
    return status, body


async def _listens(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"

"""`korat init`: what servers need before the rooms can use them, made once.

Readings' buckets and tokens in InfluxDB, the tables of ledger and registry in PostgreSQL, a key for the API. It may run
at every start: what is there stays.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from rich.console import Console

from api.keys import new_key
from city.errors import ConfigurationError, Unavailable
from city.ledger import open_ledger
from city.settings import masked
from city.store.influx.address import Address
from korat.init_settings import Bucket, InitSettings
from korat.secret_files import SecretFiles
from korat.settings import PlatformSettings

API_KEY: Final = "api_key"
"""The key itself, for people; the API never sees this file."""

API_KEYS: Final = "api_keys"
"""Its hash, for the API."""

_PERIOD_S: Final = 1.0
_REMIND_S: Final = 5.0


async def init(settings: PlatformSettings) -> None:
    """Make what is missing, and print each step.

    Raises:
        ConfigurationError: A server refuses; the sentence says what is missing.
        Unavailable: A server did not come up in time.
    """
    files = SecretFiles(settings.init.secrets, int(settings.init.mode, 8))
    if settings.store_file is None:
        await _influx(settings, files)
    if settings.ledger_file is None:
        await _until_up("the ledger's server", lambda: _open_ledger(settings.ledger_url), settings.init.wait_s)
        _report("ledger: its tables are there")
    if files.read(API_KEYS):
        _report(f"API: {files.path(API_KEYS)} has its keys")
    else:
        key, line = new_key("first")
        _report(f"API: made a key, in {files.write(API_KEY, key)}")
        # last, because it is the one that counts: a key without a hash is made again
        files.write(API_KEYS, line)
    _report("all is ready")


async def _influx(settings: PlatformSettings, files: SecretFiles) -> None:
    try:
        from korat.influx_setup import InfluxSetup  # noqa: PLC0415 - an extra, and slow to import
    except ModuleNotFoundError:
        raise ConfigurationError("setting up InfluxDB needs its client; install korat[influx]") from None

    address = Address.parse(settings.store_url)
    buckets = _buckets(settings.init, address.database)
    setup = InfluxSetup(address.base, settings.init.org, settings.init.user, buckets, files, _report)
    await _until_up(f"InfluxDB at {address.base}", lambda: asyncio.to_thread(setup.ping), settings.init.wait_s)
    await asyncio.to_thread(setup.run)
    _report("InfluxDB: organisation, buckets and tokens are there")


def _buckets(settings: InitSettings, database: str) -> tuple[Bucket, ...]:
    buckets = tuple(map(Bucket.parse, settings.buckets)) or (Bucket(database, 0),)
    if database not in {bucket.name for bucket in buckets}:
        raise ConfigurationError(
            f"KORAT_INIT_BUCKETS (init.buckets): it lacks {database!r}, the bucket of KORAT_STORE_URL (store_url)"
        )
    return buckets


async def _open_ledger(url: str) -> None:
    ledger = await open_ledger(url)
    await ledger.aclose()


async def _until_up(what: str, probe: Callable[[], Awaitable[None]], within_s: float) -> None:
    """Probe until it answers; print now and then that it doesn't yet."""
    began = time.monotonic()
    reported_s = -_REMIND_S
    while True:
        try:
            return await probe()
        except Unavailable as error:
            waited_s = time.monotonic() - began
            if waited_s > within_s:
                raise Unavailable(f"{what} did not come up within {within_s:.0f} s: {error}") from None
            if waited_s - reported_s >= _REMIND_S:
                _report(f"waiting for {what}, {waited_s:.0f} of {within_s:.0f} s: {error}")
                reported_s = waited_s
        await asyncio.sleep(_PERIOD_S)


def _report(sentence: str) -> None:
    Console().print(masked(sentence), highlight=False, markup=False, soft_wrap=True)

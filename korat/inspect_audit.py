"""`korat ledger audit` as people read it: progress on stderr, findings on stdout."""

import time
from datetime import UTC, datetime
from typing import Final

import typer

from city.errors import ConfigurationError, KoratError
from city.mapping.instants import TimeFormat
from city.reading import FIRST_NS, LAST_NS
from city.store import open_store
from korat import lock
from korat.audit import Audit, Findings, Scope, audit
from korat.inspect import opened_ledger
from korat.settings import PlatformSettings

_UNSETTLED_NS: Final = 60 * 10**9
"""A flush that was written is committed within a minute, or was given up."""

_DAY_NS: Final = 86_400 * 10**9
_SAY_S: Final = 1.0


async def print_audit(settings: PlatformSettings, start: str, end: str, device: str) -> None:
    """Audit, and print what was found.

    Raises:
        ConfigurationError: There is no ledger or store yet, the platform holds the file, or an instant is none.
        KoratError: Readings are lost.
    """
    scope = Scope(
        max(_instant("--from", start, FIRST_NS), _kept_since(settings)),
        _instant("--to", end, LAST_NS),
        device,
        LAST_NS if settings.store_file is not None else time.time_ns() - _UNSETTLED_NS,
    )
    if scope.end_ns <= scope.start_ns:
        raise ConfigurationError("--to must be later than --from, and than what the store keeps")
    _refuse_held_file(settings)
    async with opened_ledger(settings) as ledger:
        store = await open_store(settings.store_url)
        try:
            found = await audit(ledger, store, scope, _Progress())
        finally:
            await store.aclose()
    _report(found)
    if found.lost.count:
        raise KoratError(f"{found.lost.count:,} instants of the journal are not in the store")


class _Progress:
    """Says on stderr how far it is, once a second."""

    def __init__(self) -> None:
        self._said_s = time.monotonic()

    def __call__(self, sentence: str) -> None:
        if time.monotonic() >= self._said_s + _SAY_S:
            self._said_s = time.monotonic()
            typer.echo(sentence, err=True)


def _report(found: Audit) -> None:
    typer.echo(
        f"compared: {found.rows:,} readings of the journal, at {found.journal:,} instants; {found.store:,} of the store"
    )
    if found.start_ns > FIRST_NS:
        typer.echo(f"from {_text(found.start_ns)} on")
    _list(f"lost, in the journal and not in the store: {found.lost.count:,}", found.lost)
    alone = found.uncommitted
    _list(
        f"uncommitted, in the store and not in the journal: {alone.count:,}, of {len(found.flushes):,} flushes", alone
    )
    if found.written_ns >= LAST_NS:
        typer.echo("all of the journal has expired, so nothing in the store is judged by it")
    elif found.written_ns:
        typer.echo(
            f"the journal before has expired: what was written before {_text(found.written_ns)} is not judged by it"
        )


def _list(title: str, findings: Findings) -> None:
    typer.echo(title)
    rest = findings.count
    for (kind, device), found in findings.devices.items():
        rest -= found.count
        typer.echo(f"  {kind} {device}: {found.count:,}, from {_text(found.first_ns)} to {_text(found.last_ns)}")
    if rest:
        typer.echo(f"  and {rest:,} of other devices")


def _text(time_ns: int) -> str:
    seconds, rest = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _instant(option: str, text: str, otherwise_ns: int) -> int:
    if not text:
        return otherwise_ns
    try:
        return TimeFormat(zone="UTC").from_text(text)
    except ValueError as error:
        raise ConfigurationError(f"{option}: {error}") from None


def _kept_since(settings: PlatformSettings) -> int:
    """Give the instant before which ingest lets go of readings, a day later: it does so now and then."""
    days = settings.retention.readings_days if settings.store_file is not None else 0
    return time.time_ns() - (days - 1) * _DAY_NS if days else FIRST_NS


def _refuse_held_file(settings: PlatformSettings) -> None:
    """Say who holds the store's file, before DuckDB does in its own words; looking makes no file."""
    file = settings.store_file
    if file is None:
        return
    if not file.exists():
        raise ConfigurationError(f"there is no store {file} yet: start the platform, or name its folder (KORAT_DATA)")
    if owner := lock.owner(settings.data):
        raise ConfigurationError(
            f"{file} is held by {owner}: stop it, audit, and start it again; nothing is lost meanwhile"
        )

"""`korat backup` and `korat restore`: an embedded platform's ledger and readings, copied while it runs."""

import asyncio
import hashlib
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from city.database.tables import VERSION
from city.errors import ConfigurationError
from city.ledger import open_ledger
from gateway.config import names_file
from korat.backends import Backends
from korat.settings import PlatformSettings

MANIFEST: Final = "manifest.json"
LEDGER: Final = "ledger.sqlite"
READINGS: Final = "readings.duckdb"
NAMES: Final = "gateway.names"
"""Which ids names keep since an upgrade. Without it a name might be given another one's."""

_FORMAT: Final = 1


class Copied(msgspec.Struct, forbid_unknown_fields=True):
    """One file of a back-up."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, forbid_unknown_fields=True):
    """What a back-up is.

    Attributes:
        format: Of this page.
        korat: Version of the program.
        tables: Version of the ledger's tables.
        epoch: Of the ledger.
        journal: The ledger's last entry in the journal.
        began: RFC 3339; what is acknowledged later is not in it.
        files: By name.
    """

    format: int
    korat: str
    tables: int
    epoch: str
    journal: int
    began: str
    files: dict[str, Copied]


async def back_up(settings: PlatformSettings, backends: Backends, arguments: Mapping[str, str]) -> str:
    """Copy ledger and store into the new folder that `to` names; gives a sentence.

    The ledger goes first. A flush is in the store before it is in the ledger, so whatever the copied ledger says is
    stored is in the copy of the store too.

    Raises:
        ConfigurationError: The folder is there already, or a server keeps ledger or store.
        Unavailable: One of them can't be copied now.
    """
    target = Path(arguments["to"])
    if settings.store_file is None or settings.ledger_file is None:
        raise ConfigurationError("korat backup copies an embedded platform; for servers see docs/deployment.md")
    began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    draft = target.with_name(f"{target.name}.unfinished")
    try:
        await asyncio.to_thread(_begin, target, draft)
        await backends.ledger.copy_to(draft / LEDGER)
        await backends.store.copy_to(draft / READINGS)
        ledger = await open_ledger(f"sqlite:///{draft / LEDGER}")
        span = await ledger.journal_span()
        await ledger.aclose()
        names = names_file(settings.gateway, settings.data)
        copied = [LEDGER, READINGS]
        if names.exists():
            await asyncio.to_thread(shutil.copyfile, names, draft / NAMES)
            copied.append(NAMES)
        files = {name: await asyncio.to_thread(_sealed, draft / name) for name in copied}
        manifest = Manifest(_FORMAT, version("korat"), VERSION, span.epoch, span.last, began, files)
        await asyncio.to_thread(_finish, manifest, draft, target)
    except OSError as error:
        raise ConfigurationError(f"{target} can't be written: {error.strerror}") from None
    finally:
        await asyncio.to_thread(shutil.rmtree, draft, ignore_errors=True)
    size = sum(file.bytes for file in files.values())
    return f"Backed up {size / 1e6:,.1f} MB to {target}, as of {began}. No spool is in it, and no secret."


def _begin(target: Path, draft: Path) -> None:
    if target.exists():
        raise ConfigurationError(f"{target} is there already; name a new folder")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700, parents=True)


def _finish(manifest: Manifest, draft: Path, target: Path) -> None:
    """Write the manifest, and give the folder its name now that it is whole."""
    (draft / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    _sync(draft / MANIFEST)
    draft.rename(target)
    _sync(target.parent)


def restore(settings: PlatformSettings, source: Path) -> None:
    """Put a back-up into a data folder that is empty or isn't there; the ledger begins a new epoch.

    Raises:
        ConfigurationError: The folder holds something, the back-up is damaged, or servers keep ledger or store.
    """
    if settings.city.store_url or settings.city.ledger_url:
        raise ConfigurationError(
            "korat restore fills the data folder: leave KORAT_STORE_URL (store_url) and KORAT_LEDGER_URL (ledger_url) "
            "empty; for servers see docs/deployment.md"
        )
    data = settings.data
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise ConfigurationError(f"KORAT_DATA (data): {data} is not empty; restore into a new folder")
    draft = data.with_name(f"{data.name}.unfinished")
    try:
        manifest = _checked(source)
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        for name in manifest.files:
            file = names_file(settings.gateway, draft) if name == NAMES else draft / name
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, file)
            _sync(file)
        asyncio.run(_begin_epoch(draft / LEDGER))
        if data.exists():
            data.rmdir()
        draft.rename(data)
        _sync(data.parent)
    except OSError as error:
        raise ConfigurationError(f"{source} can't be restored to {data}: {error.strerror}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


async def _begin_epoch(file: Path) -> None:
    ledger = await open_ledger(f"sqlite:///{file}")
    try:
        await ledger.renew_epoch()
    finally:
        await ledger.aclose()


def _checked(source: Path) -> Manifest:
    """Read the manifest, and compare the files with it."""
    try:
        manifest = msgspec.json.decode((source / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise ConfigurationError(f"{source} is no back-up: it has no {MANIFEST}") from None
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{source / MANIFEST} is damaged: {error}") from None
    if manifest.format != _FORMAT or manifest.tables > VERSION:
        raise ConfigurationError(f"{source} was made by a newer Korat ({manifest.korat}); restore it with that one")
    if manifest.files.keys() - {NAMES} != {LEDGER, READINGS}:
        raise ConfigurationError(f"{source / MANIFEST} names other files than {LEDGER}, {READINGS} and {NAMES}")
    for name, copied in manifest.files.items():
        file = source / name
        if not file.exists() or _sealed(file) != copied:
            raise ConfigurationError(f"{file} is not as it was when it was backed up; take another back-up")
    return manifest


def _sealed(file: Path) -> Copied:
    """Make a file durable, and describe it."""
    _sync(file)
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return Copied(file.stat().st_size, digest)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

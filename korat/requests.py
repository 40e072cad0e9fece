"""Requests to the process that owns a data folder: it alone may use the DuckDB file.

A command leaves a file in `requests/` of the data folder; the owner does the work and leaves its answer beside it. Who
may write into the folder, which is closed to others, may ask; no socket is opened.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
import structlog

from city.errors import ConfigurationError, KoratError
from korat import lock
from korat.backends import Backends, open_backends
from korat.process import Process
from korat.settings import PlatformSettings

log = structlog.get_logger("korat")

POLL_S: Final = 0.2
_REQUEST: Final = ".request"
_ANSWER: Final = ".answer"

Action = Callable[[PlatformSettings, Backends, Mapping[str, str]], Awaitable[str]]
"""Does what a command asks for, given its arguments; gives a sentence."""


class Request(msgspec.Struct, forbid_unknown_fields=True):
    """What a command asks the owner for: the name of an action, and its arguments."""

    action: str
    arguments: dict[str, str]


class Answer(msgspec.Struct, forbid_unknown_fields=True):
    """What became of it: a sentence, and whether it is an error."""

    sentence: str
    failed: bool = False


def folder_of(settings: PlatformSettings) -> Path:
    """Give the folder in which requests and answers lie."""
    return settings.data / "requests"


async def serve(
    settings: PlatformSettings, backends: Backends, actions: Mapping[str, Action], stop: asyncio.Event
) -> None:
    """Do what is asked for, one request after another, until `stop` is set.

    What a command left that is gone is not done: an hour later nobody expects it any more.
    """
    folder = folder_of(settings)
    folder.mkdir(mode=0o700, exist_ok=True)
    for left in folder.iterdir():
        left.unlink(missing_ok=True)
    while not stop.is_set():
        for file in sorted(folder.glob(f"*{_REQUEST}")):
            answer = await _answer(settings, backends, actions, file)
            if file.exists():  # else the command was interrupted, and expects nothing
                _put(file.with_suffix(_ANSWER), msgspec.json.encode(answer))
                file.unlink(missing_ok=True)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), POLL_S)


async def _answer(settings: PlatformSettings, backends: Backends, actions: Mapping[str, Action], file: Path) -> Answer:
    try:
        request = msgspec.json.decode(await asyncio.to_thread(file.read_bytes), type=Request)
        log.info("asked for", action=request.action)
        return Answer(await actions[request.action](settings, backends, request.arguments))
    except (KoratError, OSError, msgspec.DecodeError, KeyError) as error:
        log.warning("what was asked for failed", error=str(error))
        return Answer(str(error) or type(error).__name__, failed=True)


async def ask(settings: PlatformSettings, actions: Mapping[str, Action], action: str, **arguments: str) -> str:
    """Have something done by the owner of the data folder; without one, do it here.

    Raises:
        KoratError: It failed, with the sentence.
    """
    if settings.store_file is None and settings.ledger_file is None:
        return await _alone(settings, actions, action, arguments)
    if not lock.owner(settings.data):
        if not settings.data.is_dir():
            raise ConfigurationError(f"KORAT_DATA (data): there is no folder {settings.data}")
        with lock.hold(settings.data, action):
            return await _alone(settings, actions, action, arguments)
    file = folder_of(settings) / f"{secrets.token_hex(8)}{_REQUEST}"
    try:
        _put(file, msgspec.json.encode(Request(action, arguments)))
        return await _answered(settings, file)
    except OSError as error:
        raise KoratError(f"{lock.owner(settings.data)} takes no requests: {error.strerror} ({file})") from None
    finally:
        file.unlink(missing_ok=True)


async def _answered(settings: PlatformSettings, file: Path) -> str:
    answered = file.with_suffix(_ANSWER)
    while not answered.exists():
        if not lock.owner(settings.data):
            raise KoratError("the platform stopped before it answered; start it, or ask again without it")
        if _is_dropped(file, answered):
            raise KoratError("the platform was just starting; ask again")
        await asyncio.sleep(POLL_S)
    answer = msgspec.json.decode(answered.read_bytes(), type=Answer)
    answered.unlink()
    if answer.failed:
        raise KoratError(answer.sentence)
    return answer.sentence


def _is_dropped(file: Path, answered: Path) -> bool:
    """Tell whether the owner removed a request at its start; its answer comes before the request goes."""
    return not file.exists() and not answered.exists()


async def _alone(
    settings: PlatformSettings, actions: Mapping[str, Action], action: str, arguments: Mapping[str, str]
) -> str:
    async with Process() as process, open_backends(settings, process) as backends:
        return await actions[action](settings, backends, arguments)
    raise KoratError("stopped before it was done")


def _put(file: Path, content: bytes) -> None:
    """Write a file that has its name when it is whole."""
    draft = file.with_suffix(".draft")
    draft.write_bytes(content)
    draft.replace(file)

"""The commands of upkeep: back up, restore, forget, and filling registry or store again."""
# ruff: noqa: PLC0415 - what a command needs is imported when it is called

from pathlib import Path
from typing import Annotated

import typer

from city.errors import ConfigurationError, Malformed
from korat.runtime import Config, load, run_quietly

registry = typer.Typer(help="The devices that are registered.", no_args_is_help=True)
store = typer.Typer(help="The store of the readings.", no_args_is_help=True)


def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder, best on another disk.")], config: Config = None
) -> None:
    """Copy ledger and readings of an embedded platform, while it runs.

    What is in the copied ledger is in the copied store too. No spool is copied: a spool must never be put back.
    """
    _ask(config, "backup", to=str(folder.absolute()))


def restore(
    folder: Annotated[Path, typer.Argument(help="A folder that korat backup made.")], config: Config = None
) -> None:
    """Put a back-up into a new data folder (KORAT_DATA); the ledger begins a new epoch."""
    settings = load(config)
    from korat.backup import restore as put_back

    put_back(settings, folder)
    typer.echo(f"{settings.data} holds the back-up; the ledger began a new epoch. korat ledger explain names gaps.")


def forget(
    device: Annotated[str, typer.Argument(help="Id of the device.")],
    who: Annotated[str, typer.Option(help="Who asks for it; kept in the record.")],
    why: Annotated[str, typer.Option(help="One sentence; kept in the record.")],
    start: Annotated[str, typer.Option(help="First instant, RFC 3339; from the beginning when left out.")] = "",
    end: Annotated[str, typer.Option(help="End, exclusive; for ever when left out.")] = "",
    config: Config = None,
) -> None:
    """Erase a device's readings everywhere, and without a range the device; counts stay, and a record of it.

    A device that goes on sending is registered anew: take its password away first.
    """
    from korat.upkeep import EVER

    between = {"start_ns": _instant(start, 0), "end_ns": _instant(end, EVER)}
    _ask(config, "forget", device=device, who=who, why=why, **between)


@registry.command("rebuild")
def rebuild(config: Config = None) -> None:
    """Register what the store knows and the registry doesn't, after an old ledger was restored."""
    _ask(config, "registry rebuild")


@store.command("refill")
def refill(config: Config = None) -> None:
    """Write into the store what the journal holds, after an old store was restored. Doing it twice is harmless."""
    _ask(config, "store refill")


@registry.callback()
@store.callback()
def _group() -> None:
    """Keep the name of the one command."""


def _ask(config: Path | None, action: str, **arguments: str) -> None:
    settings = load(config)
    from korat.requests import ask
    from korat.upkeep import ACTIONS

    async def work() -> None:
        typer.echo(await ask(settings, ACTIONS, action, **arguments))

    run_quietly(work())


def _instant(text: str, default: int) -> str:
    from city.wire.direct import to_time_ns

    try:
        return str(to_time_ns(text) if text else default)
    except Malformed as error:
        raise ConfigurationError(f"{text!r}: {error.detail}") from None

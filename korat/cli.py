"""The command line: `korat up`, and each room alone.

What a command needs is imported inside it, so that `--help` is quick and a gateway on a small machine loads no
database and no web framework.
"""
# ruff: noqa: PLC0415 - see above

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, TextIO

import typer

from city.errors import KoratError, Reason
from korat import boards, ledger_commands, recordings, upkeep_commands
from korat.runtime import Config, load, run, run_quietly

app = typer.Typer(
    help="Telemetry for a smart city and its logistics hub.",
    epilog="Settings come from korat.toml and KORAT_* variables; docs/settings.md lists them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

app.add_typer(boards.app, name="boards")
app.add_typer(ledger_commands.app, name="ledger")
app.add_typer(upkeep_commands.registry, name="registry")
app.add_typer(upkeep_commands.store, name="store")

Heartbeat = Annotated[Path | None, typer.Option(help="File to touch as long as all is well, for a supervisor.")]


def _show_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it
    if asked:
        typer.echo(f"korat {version('korat')}")
        raise typer.Exit


@app.callback()
def korat(
    *,
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Telemetry for a smart city and its logistics hub."""


@app.command()
def up(
    *,
    demo: Annotated[bool, typer.Option(help="Let a simulated city publish.")] = True,
    config: Config = None,
) -> None:
    """Run the whole platform on this machine; Ctrl-C stops it.

    Readings, ledger and spool are kept in the data folder, and the next start goes on with them.

    On a terminal a live picture is shown, and the log goes to korat.log in the data folder.
    """
    settings = load(config)
    from korat.embedded import up as run_up
    from korat.view import View

    run(run_up(settings, View(), demo=demo))


@app.command()
def init(config: Config = None) -> None:
    """Set up what servers need: buckets and tokens in InfluxDB, tables in PostgreSQL, a key for the API.

    It waits for them, and makes nothing twice, so it may run at every start.
    """
    settings = load(config)
    from korat.init import init as set_up

    run_quietly(set_up(settings))


@app.command()
def ingest(
    *,
    leave: Annotated[bool, typer.Option("--leave", help="Only settle what waits for this worker, then end.")] = False,
    config: Config = None,
    heartbeat: Heartbeat = None,
) -> None:
    """Run one ingest worker: from the broker into store and ledger.

    Several workers share the work: KORAT_INGEST_WORKERS is their number, each has its own KORAT_INGEST_WORKER, and the
    store is an InfluxDB. One that is
    taken away leaves a share of the messages at the broker: start it once more with --leave. With numbers (auto), all
    that no worker holds leave.
    """
    settings = load(config)
    from korat import standalone

    run(standalone.ingest(settings, heartbeat, leaving=leave))


@app.command()
def gateway(config: Config = None) -> None:
    """Run one gateway: from devices, by way of its spool, to the broker."""
    settings = load(config)
    from korat import standalone

    run(standalone.gateway(settings))


@app.command()
def api(config: Config = None) -> None:
    """Run the API and the console over store and ledger."""
    settings = load(config)
    from korat import standalone

    run(standalone.api(settings))


@app.command()
def simulate(config: Config = None, heartbeat: Heartbeat = None) -> None:
    """Let the simulated city publish to the broker."""
    settings = load(config)
    from korat import standalone

    run(standalone.simulate(settings, heartbeat))


app.command()(recordings.replay)
app.command()(recordings.record)
app.command()(upkeep_commands.backup)
app.command()(upkeep_commands.restore)
app.command()(upkeep_commands.forget)


@app.command()
def quarantine(
    reason: Annotated[Reason | None, typer.Option(help="Only payloads of this reason.", metavar="REASON")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many rows.")] = 50,
    *,
    retry: Annotated[bool, typer.Option("--redrive", help="Ask ingest to try them again.")] = False,
    config: Config = None,
) -> None:
    """Show what could not be used, or have it tried again."""
    settings = load(config)
    from korat.inspect import quarantine_table, redrive

    run_quietly(redrive(settings, reason) if retry else quarantine_table(settings, reason, limit))


@app.command()
def doctor(config: Config = None) -> None:
    """Check this machine and the platform; name what is wrong and what to do.

    The exit code is 0 when all is well, 1 otherwise.
    """
    settings = load(config)
    from korat.doctor import doctor as examine

    run_quietly(examine(settings))


def main() -> None:
    """Run the command line; an error of ours is one sentence and exit code 1."""
    for stream in (sys.stdout, sys.stderr):
        # a terminal that can't show a sign gets another one instead of a traceback
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        app()
    except KoratError as error:
        from city.settings import masked

        typer.echo(f"korat: {masked(str(error))}", err=True)
        sys.exit(1)
    finally:
        for stream in (sys.stdout, sys.stderr):
            _discard_unread(stream)


def _discard_unread(stream: TextIO) -> None:
    """Discard what is left for a reader that is gone; else the interpreter's end would fail on it."""
    try:
        stream.flush()
    except OSError:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, stream.fileno())
        os.close(devnull)

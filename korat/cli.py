"""The command line: `korat up`, and each room alone."""

import gc
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
import uvloop
from prometheus_client import CollectorRegistry

from city.errors import KoratError
from ingest.run import Checks
from korat import logs, rooms
from korat.doctor import doctor as examine
from korat.embedded import up as run_up
from korat.inspect import ledger_table, quarantine_table, redrive
from korat.process import Process
from korat.settings import Everything
from korat.stack import open_stack
from korat.view import View

app = typer.Typer(
    help="Telemetry for a smart city and its logistics hub.", no_args_is_help=True, pretty_exceptions_enable=False
)

Config = Annotated[Path | None, typer.Option(help="Settings file; default korat.toml where it exists.")]


@app.command()
def up(
    *,
    demo: Annotated[bool, typer.Option(help="Let a simulated city publish.")] = True,
    config: Config = None,
) -> None:
    """Run the whole platform on this machine; Ctrl-C stops it."""
    settings = Everything.load(config)
    view = View()
    if view.console.is_terminal:
        logs.to_file(settings.data / "korat.log")
    _run(run_up(settings, view, demo=demo))


@app.command()
def ingest(config: Config = None) -> None:
    """Run one ingest worker."""
    settings = Everything.load(config)

    async def work() -> None:
        async with open_stack(settings) as stack:
            process = Process()
            process.start("ingest", rooms.ingest_room(settings, stack, CollectorRegistry(), Checks()))
            await process.until_stopped()

    _run(work())


@app.command()
def gateway(config: Config = None) -> None:
    """Run one gateway."""
    settings = Everything.load(config)

    async def work() -> None:
        process = Process()
        process.start("gateway", rooms.gateway_room(settings))
        await process.until_stopped()

    _run(work())


@app.command()
def api(config: Config = None) -> None:
    """Run the API."""
    settings = Everything.load(config)

    async def work() -> None:
        async with AsyncExitStack() as closing:
            stack = await closing.enter_async_context(open_stack(settings))
            process = Process()
            process.start("api", rooms.api_room(settings, stack, CollectorRegistry(), Checks()))
            await process.until_stopped()

    _run(work())


@app.command()
def simulate(config: Config = None) -> None:
    """Let the simulated city publish to the broker."""
    settings = Everything.load(config)

    async def work() -> None:
        process = Process()
        process.start("simulators", rooms.simulator_room(settings))
        await process.until_stopped()

    _run(work())


@app.command()
def ledger(
    by: Annotated[str, typer.Option(help="total, gateway or device")] = "total",
    hours: Annotated[int, typer.Option(min=1, help="How far back.")] = 24,
    config: Config = None,
) -> None:
    """Show what was received and what became of it."""
    _run(ledger_table(Everything.load(config), by, hours))


@app.command()
def quarantine(
    reason: Annotated[str | None, typer.Option(help="Only payloads of this reason.")] = None,
    most: Annotated[int, typer.Option(min=1, max=10_000, help="How many rows.")] = 50,
    *,
    again: Annotated[bool, typer.Option("--redrive", help="Ask ingest to try them again.")] = False,
    config: Config = None,
) -> None:
    """Show what could not be used, or have it tried again."""
    settings = Everything.load(config)
    _run(redrive(settings, reason) if again else quarantine_table(settings, reason, most))


@app.command()
def doctor(config: Config = None) -> None:
    """Look over this machine and the platform; name what is wrong and what to do."""
    settings = Everything.load(config)
    _run(examine(settings))


def main() -> None:
    """Run the command line; an error of ours is one sentence and exit code 1."""
    logs.to_stream(sys.stderr)
    try:
        app()
    except KoratError as error:
        typer.echo(f"korat: {error}", err=True)
        sys.exit(1)


def _run(work: Coroutine[Any, Any, None]) -> None:
    # Imports stay for good, and a flush makes ten thousand objects without a cycle: looking for some costs a fifth.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        uvloop.run(work)
    except KeyboardInterrupt:
        sys.exit(130)
    except KoratError:
        raise
    except Exception as error:
        structlog.get_logger("korat").exception("a defect: please report it", error=str(error))
        raise

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

from city.errors import ConfigurationError, KoratError
from ingest.run import Checks
from korat import logs, rooms
from korat.doctor import doctor as examine
from korat.embedded import up as run_up
from korat.inspect import ledger_table, quarantine_table, redrive
from korat.process import Process
from korat.settings import Everything
from korat.stack import open_stack
from korat.view import View
from simulators.replay import ReplayOptions
from simulators.replay import replay as run_replay
from simulators.replay.options import AS_FAST_AS_POSSIBLE, BadLine

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
def replay(
    file: Annotated[Path, typer.Argument(help="A recording: .csv, .json, .lp, or our own .korat.jsonl.")],
    mapping: Annotated[str | None, typer.Option(help="Mapping file, or the name of a shipped one.")] = None,
    device: Annotated[str | None, typer.Option(help="Device id that stands in for the mapping's.")] = None,
    speed: Annotated[str, typer.Option(help="1 true speed, N times as fast, max as fast as it goes.")] = "1",
    batch: Annotated[int, typer.Option(help="Most readings of a device in one message.")] = 100,
    via: Annotated[str | None, typer.Option(help="A gateway's link instead of the broker: http://.../native")] = None,
    *,
    shift_to_now: Annotated[bool, typer.Option("--shift-to-now", help="Move all times to the present.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave bad lines out, and count them.")] = False,
    config: Config = None,
) -> None:
    """Replay a recording; returns when every reading is confirmed."""
    settings = Everything.load(config)
    report = run_replay(
        ReplayOptions(
            file=file,
            province=settings.city.province,
            broker=settings.mqtt.address(),
            mapping=mapping,
            device=device,
            speed=_speed(speed),
            shift_to_now=shift_to_now,
            bad_line=BadLine.SKIP if skip_bad else BadLine.STOP,
            batch=batch,
            via=via,
        )
    )
    if not report.complete:
        raise typer.Exit(1)


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


def _speed(text: str) -> float:
    try:
        return AS_FAST_AS_POSSIBLE if text == "max" else float(text)
    except ValueError:
        raise ConfigurationError(f"--speed {text!r} is neither a number nor max") from None


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

"""`korat replay` and `korat record`: recordings in, recordings out."""
# ruff: noqa: PLC0415 - what a command needs is imported when it is called

from pathlib import Path
from typing import Annotated

import typer

from city.errors import ConfigurationError
from korat.runtime import Config, load, run_quietly


def replay(
    file: Annotated[Path, typer.Argument(help="A recording: .csv, .json, .lp, or our own .korat.jsonl.")],
    mapping: Annotated[str | None, typer.Option(help="Mapping file, or the name of a shipped one.")] = None,
    device: Annotated[str | None, typer.Option(help="Device id that stands in for the mapping's.")] = None,
    speed: Annotated[str, typer.Option(help="1 true speed, N times as fast, max as fast as it goes.")] = "1",
    batch: Annotated[int, typer.Option(help="Most readings of a device in one message.")] = 100,
    via: Annotated[str | None, typer.Option(help="A gateway's link instead of the broker: http://.../native")] = None,
    token_file: Annotated[Path | None, typer.Option(help="File of the token that this link asks for.")] = None,
    *,
    shift_to_now: Annotated[bool, typer.Option("--shift-to-now", help="Move all times to the present.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave bad lines out, and count them.")] = False,
    config: Config = None,
) -> None:
    """Replay a recording; returns when every reading is confirmed.

    The exit code is 1 when one was not.
    """
    settings = load(config)
    from simulators.replay import ReplayOptions
    from simulators.replay import replay as run_replay
    from simulators.replay.options import BadLine

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
            token=None if token_file is None else _token(token_file),
        )
    )
    if not report.complete:
        raise typer.Exit(1)


def record(
    file: Annotated[Path, typer.Argument(help="A new file, *.korat.jsonl.")],
    topic: Annotated[
        list[str] | None, typer.Option(help="Topic filter instead of all devices'; may be repeated.")
    ] = None,
    config: Config = None,
) -> None:
    """Record what devices publish at the broker, for `korat replay`; Ctrl-C ends it."""
    settings = load(config)
    from korat.process import Process
    from simulators.recorder import DEVICES, Recorder

    async def work() -> None:
        recorder = Recorder(file, settings.mqtt.address(), topic or DEVICES, settings.mqtt.client_id)
        async with Process() as process:
            process.start("record", recorder.run)
            await process.until_stopped()

    run_quietly(work())


def _speed(text: str) -> float:
    try:
        return 0.0 if text == "max" else float(text)
    except ValueError:
        raise ConfigurationError(f"--speed {text!r} is neither a number nor max") from None


def _token(file: Path) -> str:
    try:
        token = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not ASCII"
        raise ConfigurationError(f"--token-file {file} can't be read: {reason}") from None
    if not token or not token.isprintable():
        raise ConfigurationError(f"--token-file {file} holds no token, or more than one line")
    return token

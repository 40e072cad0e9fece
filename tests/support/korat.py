"""Rooms of the platform as processes of their own."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from support.ports import accepts
from support.process import Process

_SILENT = {"KORAT_SELF_METRICS_INTERVAL_S": "0", "KORAT_GATEWAY_SELF_METRICS_INTERVAL_S": "0"}


def room(
    command: str, folder: Path, environment: Mapping[str, str], *, name: str = "", ready_port: int | None = None
) -> Process:
    """One `korat` command, not started yet; nothing of our own environment's settings reaches it.

    It says nothing of itself unless the environment asks for it, so that tests can count readings exactly.

    Args:
        command: What follows `korat`, separated by blanks.
        folder: Its data folder, where its log goes too.
        environment: Its `KORAT_*` variables.
        name: What failures call it; the command if empty.
        ready_port: It is ready once something listens there; None: once it runs.
    """
    clean = {key: value for key, value in os.environ.items() if not key.startswith("KORAT_")}
    program = Path(sys.executable).with_name("korat")
    return Process(
        [program, *command.split()],
        folder,
        name=name or command.partition(" ")[0],
        env={**clean, **_SILENT, "KORAT_DATA": str(folder), **environment},
        ready=None if ready_port is None else lambda: accepts(ready_port),
    )

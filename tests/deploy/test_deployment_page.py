"""Every command of docs/deployment.md, in the order of the page: it is run here, or named below with the reason."""

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from city.ledger import open_ledger
from city.ledger.port import NewDevice, PackClaim, PackId, Settlement
from support.own_city import own_broker
from support.pages import ROOT, blocks
from support.ports import accepts, free_port
from support.postgres import Postgres
from support.process import Process, find_or_skip

NOT_RUN: Final = {
    "docker compose build": "it needs a Docker engine",
    "docker compose up": "it needs a Docker engine",
    "docker compose logs": "it needs a Docker engine",
    "docker compose stop": "it needs a Docker engine",
    "docker compose cp": "it needs a Docker engine",
    "docker compose exec -T influxdb influx": "Debian has no `influx` of version 2",
    "docker compose run --rm ingest ingest --leave": "tests/korat/test_leaving.py runs it between workers",
    "git pull": "it would change the checkout that is tested",
}
"""How a command begins that can't be run here, and why."""

# What follows `docker compose exec` or `run` is run on servers of our own.
_DOCKER: Final = """#!/bin/sh
shift
case "$1 $2 $3" in
  "exec -T postgres") shift 3; exec "$@" ;;
  "run --rm -T") shift 4; KORAT_LEDGER_URL=$OWN_LEDGER KORAT_STORE_URL=$OWN_STORE exec korat "$@" ;;
  "run --rm --volume") shift 7; KORAT_LEDGER_URL=$OWN_LEDGER KORAT_STORE_URL=$OWN_STORE exec korat "$@" ;;
  "restart mosquitto ") exit 0 ;;
esac
echo "no engine for: $*" >&2
exit 1
"""


def commands() -> Iterator[str]:
    """Give each command of the page's blocks, with continued lines joined and comments cut off."""
    for block in blocks(ROOT / "docs" / "deployment.md"):
        if "──►" in block.text:
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            if command := line.partition("  #")[0].strip():
                yield command


def reason(command: str) -> str | None:
    """Say why a command isn't run; None when it is."""
    return next((why for begins, why in NOT_RUN.items() if command.startswith(begins)), None)


@dataclass
class Machine:
    """A folder with what a fresh checkout has, and servers of our own behind the names of the page."""

    folder: Path
    environment: dict[str, str]
    closing: ExitStack
    api: int
    gateway: int
    platform: Process | None = None
    broker: int | None = None
    ran: dict[str, str] = field(default_factory=dict)

    def run(self, command: str) -> None:
        """Run one command as the page has it; only names of hosts and ports differ."""
        match command:
            case _ if command.startswith("mosquitto_pub") or command.endswith("korat gateway"):
                self._need_broker()
        command_here = command.replace(":8000/", f":{self.api}/")
        command_here = command_here.replace("mqtt.city.example:8883", f"localhost:{self.broker}")
        command_here = command_here.replace("-p 8883", f"-p {self.broker}")
        if command.endswith(("korat up --no-demo", "korat gateway")):
            # a gateway elsewhere has a data folder of its own
            self._start(f"KORAT_DATA=elsewhere {command_here}" if command.endswith("gateway") else command_here)
            return
        done = subprocess.run(
            ["sh", "-c", command_here],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        self.ran[command] = done.stdout + done.stderr

    def _start(self, command: str) -> None:
        """Start what goes on running, and wait until it listens."""
        if self.platform is not None:
            self.platform.stop()
        self.platform = Process(
            ["sh", "-c", f"exec env {command}"],
            self.folder,
            name="started",
            env=self.environment,
            ready=lambda: accepts(self.gateway),
        )
        self.closing.enter_context(self.platform)
        self.ran[command] = self.platform.log_tail()

    def _need_broker(self) -> None:
        """Start a broker with what the page's scripts have made by now."""
        if self.broker is not None:
            return
        self.run("deploy/make-passwords gateway:gw-2")
        for name in ("ca.crt", "mqtt_gw-2"):
            shutil.copy(self.folder / "secrets" / name, self.folder)
        self.broker = self.closing.enter_context(own_broker(self.folder / "secrets", self.folder)).port


@pytest.fixture
def machine(tmp_path: Path, influx: Any, influx_database: str) -> Iterator[Machine]:
    """Give the folder and its servers; what the page takes for granted is there."""
    for program, package in (("openssl", "openssl"), ("mosquitto_pub", "mosquitto-clients"), ("curl", "curl")):
        find_or_skip(program, package)
    folder, own = tmp_path / "korat", tmp_path / "own"
    folder.mkdir()
    own.mkdir()
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    shutil.copy(ROOT / ".env.example", folder)
    (own / "docker").write_text(_DOCKER)
    (own / "docker").chmod(0o755)
    with ExitStack() as closing:
        # a server of its own: the page has it wait for a standby
        server_folder = closing.enter_context(tempfile.TemporaryDirectory(prefix="korat-page-"))
        server = closing.enter_context(Postgres(Path(server_folder)))
        server.create_database("korat")
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("KORAT_", "PG"))}
        program = Path(sys.executable).parent
        api, gateway = free_port(), free_port()
        environment = {
            **clean,
            "PATH": f"{own}:{program}:{server.tools}:{clean['PATH']}",
            "PGHOST": server.host,
            "PGPORT": str(server.port),
            "OWN_LEDGER": server.database_url("korat"),
            "OWN_STORE": influx.store_url(influx_database),
            "KORAT_MQTT_PORT": str(free_port()),
            "KORAT_API_PORT": str(api),
            "KORAT_GATEWAY_HTTP_PORT": str(gateway),
            "KORAT_SELF_METRICS_INTERVAL_S": "0",
        }
        asyncio.run(_fill(server.database_url("korat")))
        yield Machine(folder, environment, closing, api, gateway)


async def _fill(url: str) -> None:
    """Settle two packs with one missing between them."""
    ledger = await open_ledger(url)
    now_ns = time.time_ns()
    claims = [PackClaim(PackId("gw-1", "s", seq), 10 * (seq - 1), 10) for seq in (1, 3)]
    await ledger.settle(Settlement(now_ns, claims, devices=[NewDevice("my-sensor", "weather", "th-30", "", now_ns)]))
    await ledger.aclose()


def test_every_command_that_is_not_run_has_a_reason_and_every_reason_a_command() -> None:
    shown = list(commands())
    assert len(shown) > 30
    for begins in NOT_RUN:
        assert any(command.startswith(begins) for command in shown), f"the page no longer says {begins!r}"


def test_every_command_of_the_page_works(machine: Machine) -> None:
    for command in commands():
        if command.startswith("curl"):
            (machine.folder / "secrets" / "api_key").write_text("the first key, made by init")
            machine.run("korat up --no-demo")
        if command.startswith("korat backup"):
            machine.run("korat up --no-demo")
        if reason(command) is None:
            machine.run(command)
    said = {command.split("ingest ")[-1]: text for command, text in machine.ran.items()}
    ledger = next(text for command, text in machine.ran.items() if command.startswith("curl"))
    assert '"received"' in ledger
    assert "Somchai, data protection" in said["ledger erasures"]
    assert "pack 2 of gw-1 (spool s), 10 readings" in said["ledger explain"]
    assert "The journal's epoch is" in said["ledger new-epoch"]
    assert "the ledger began a new epoch" in machine.ran["KORAT_DATA=restored korat restore backups/monday"]

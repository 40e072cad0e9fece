"""The scripts in deploy/, and a broker that runs with what they made."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from support.ports import accepts, free_port
from support.process import Process, find_or_skip

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
FILES: Final = {
    "ca": "ca.crt",
    "broker_certificate": "broker.crt",
    "broker_key": "broker.key",
    "mosquitto_users": "mosquitto_users.json",
}
"""Secrets whose file is named otherwise in the folder."""


def script(name: str, *arguments: str, secrets: Path) -> subprocess.CompletedProcess[str]:
    """Run one of the scripts in deploy/."""
    environment = {**os.environ, "SECRETS": str(secrets)}
    return subprocess.run(
        [DEPLOY / name, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


@dataclass(frozen=True)
class City:
    """The city's broker, with TLS and passwords."""

    port: int
    secrets: Path
    process: Process

    def password(self, user: str) -> str:
        return (self.secrets / f"mqtt_{user}").read_text().strip()

    def client_id(self, user: str) -> str:
        """Give the one client id under which a user may connect; for ingest, which has none, any."""
        users = json.loads((self.secrets / "mosquitto_users.json").read_text())["clients"]
        return next((str(one.get("clientid", "any")) for one in users if one["username"] == user), "any")

    def url(self, user: str) -> str:
        """Spell its address as docker-compose.yml does."""
        options = f"ca={self.secrets}/ca.crt&password_file={self.secrets}/mqtt_{user}"
        return f"mqtts://{user}@127.0.0.1:{self.port}?{options}"


def make_secrets(folder: Path, *users: str) -> Path:
    """Have the scripts make a folder of secrets."""
    find_or_skip("openssl", "openssl")
    for command in (
        ("make-secrets",),
        ("make-certificates", "broker"),
        ("make-certificates", "client", "gw-1"),
        ("make-passwords", *users),
    ):
        done = script(*command, secrets=folder)
        assert done.returncode == 0, done.stderr
    return folder


def plugin() -> str:
    """Find mosquitto's plugin where Debian and Homebrew keep it."""
    for place in ("/usr/lib", "/opt/homebrew/lib", "/usr/local/lib"):
        for found in sorted(Path(place).glob("**/mosquitto_dynamic_security.*")):
            return str(found)
    return pytest.skip("mosquitto's dynamic-security plugin is missing")


@contextmanager
def own_broker(secrets: Path, folder: Path, more: str = "") -> Iterator[City]:
    """Run a mosquitto with the shipped configuration; only the container's paths and port differ."""
    program = find_or_skip("mosquitto", "mosquitto")
    port = free_port()
    text = (DEPLOY / "mosquitto" / "mosquitto.conf").read_text()
    text = re.sub(r"/run/secrets/(\w+)", lambda found: str(secrets / FILES.get(found[1], found[1])), text)
    text = text.replace("/mosquitto/data/", f"{folder}/").replace("/usr/lib/mosquitto_dynamic_security.so", plugin())
    text = text.replace("listener 8883\n", f"listener {port} 127.0.0.1\n{more}")
    configuration = folder / "mosquitto.conf"
    # as root it would become a user who may not read the test's folder
    configuration.write_text(text + ("user root\n" if os.geteuid() == 0 else ""))
    with Process([program, "-c", configuration], folder, name="mosquitto", ready=lambda: accepts(port)) as process:
        yield City(port, secrets, process)

"""The scripts in deploy/, and a broker that runs with what they made."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from support.process import Process

DEPLOY: Final = Path(__file__).resolve().parents[2] / "deploy"
FILES: Final = {"ca": "ca.crt", "broker_certificate": "broker.crt", "broker_key": "broker.key"}
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

    def url(self, user: str) -> str:
        """Spell its address as docker-compose.yml does."""
        options = f"ca={self.secrets}/ca.crt&password_file={self.secrets}/mqtt_{user}"
        return f"mqtts://{user}@127.0.0.1:{self.port}?{options}"

"""The folder of secrets: each in a file of its own, whole or not at all."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from city.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class SecretFiles:
    """Secrets by name.

    Attributes:
        folder: Where they are; made when the first one is written.
        mode: Rights of what is written.
    """

    folder: Path
    mode: int = 0o600

    def path(self, name: str) -> Path:
        """Give the file of a secret, which need not exist."""
        return self.folder / name

    def read(self, name: str) -> str:
        """Read one; empty where it is absent or empty.

        Raises:
            ConfigurationError: It is there and can't be read.
        """
        try:
            return self.path(name).read_text("utf-8").strip()
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"the secret {self.path(name)} can't be read: {error}") from None

    def write(self, name: str, text: str) -> Path:
        """Write one in place of what was there: its reader finds the old one or the new one, never a part.

        Raises:
            ConfigurationError: It can't be written.
        """
        file = self.path(name)
        fresh = self.path(f".{name}.{secrets.token_hex(4)}")
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, f"{text}\n".encode())
                os.fchmod(descriptor, self.mode)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            fresh.replace(file)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise ConfigurationError(f"the secret {file} can't be written: {error.strerror}") from None
        return file

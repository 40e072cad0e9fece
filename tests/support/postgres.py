"""A PostgreSQL of our own."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from support.ports import free_port
from support.process import DidNotStartError, Process

_TOOLS = ("initdb", "postgres", "pg_isready", "createdb", "dropdb", "pg_dump", "pg_restore", "pg_basebackup", "psql")
_OWNER = "korat"


class Postgres(Process):
    """A PostgreSQL that trusts who comes over loopback; its one user is `korat`.

    The server refuses to run as root, so there it becomes the user `postgres`, who must be able to reach the
    folder: pytest's own temporary folders are closed to others.

    Args:
        folder: keeps the cluster and the log; it is given to the user that the server runs as.
        port: where it listens on 127.0.0.1; a free port if None.
    """

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.host = "127.0.0.1"
        self.port = port or free_port()
        self._tools = _complete_installation_or_skip()
        self._data = folder / "data"
        # A developer's own PGHOST or PGOPTIONS must not lead us to another server.
        env = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        settings = [f"listen_addresses={self.host}", f"port={self.port}", "unix_socket_directories="]
        super().__init__(
            [
                self._tools / "postgres",
                "-D",
                self._data,
                *(part for item in settings for part in ("-c", item)),
            ],
            folder,
            name="postgres",
            ready=self._answers,
            env=env,
            user=_server_user_or_skip(),
            stop_signal=signal.SIGINT,  # "fast": SIGTERM would wait for clients to leave
        )

    @property
    def tools(self) -> Path:
        """The folder of its programs."""
        return self._tools

    @property
    def url(self) -> str:
        """The address of the server's own database, as SQLAlchemy takes it."""
        return self.database_url("postgres")

    def database_url(self, name: str) -> str:
        """Return the address of a database, as SQLAlchemy takes it."""
        return f"postgresql+psycopg://{_OWNER}@{self.host}:{self.port}/{name}"

    def start(self, *, within: float = 30.0) -> None:
        """Start it, with a new cluster if the folder has none."""
        if not self._data.exists():
            self._make_cluster()
        super().start(within=within)

    def create_database(self, name: str) -> None:
        """Make an empty database."""
        self._run("createdb", name)

    def dump(self, name: str, file: Path) -> None:
        """Write a database into a file, as docs/deployment.md does."""
        self._run("pg_dump", "--format=custom", f"--file={file}", name)

    def restore(self, name: str, file: Path) -> None:
        """Fill an empty database from such a file."""
        self._run("pg_restore", "--no-owner", f"--dbname={name}", str(file))

    def run_sql(self, statement: str) -> None:
        """Run one statement in the server's own database."""
        self._run("psql", "--quiet", f"--command={statement}", "postgres")

    def make_standby(self, folder: Path, name: str) -> "Postgres":
        """Copy this running server into a new one, not started yet, that follows it under a name until `promote`."""
        standby = Postgres(folder)
        if standby._user is not None:
            shutil.chown(folder, standby._user)
        arguments = [f"--dbname=application_name={name}", f"--pgdata={standby._data}", "--write-recovery-conf"]
        copying = Process(
            [self._tools / "pg_basebackup", *self._address(), *arguments, "--checkpoint=fast", "--no-sync"],
            folder,
            name="pg_basebackup",
            env=self._env,
            user=self._user,
        )
        copying.start()
        code = copying.wait(within=60)
        if code != 0:
            raise DidNotStartError(f"pg_basebackup ended with {code}; its log ends:\n{copying.log_tail()}")
        return standby

    def promote(self) -> None:
        """Let a standby take over."""
        self.run_sql("select pg_promote()")

    def drop_database(self, name: str) -> None:
        """Forget a database, and end the connections that still use it."""
        self._run("dropdb", "--if-exists", "--force", name)

    def _make_cluster(self) -> None:
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        making = Process(
            [
                self._tools / "initdb",
                f"--pgdata={self._data}",
                f"--username={_OWNER}",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            self.folder,
            name="initdb",
            env=self._env,
            user=self._user,
        )
        making.start()
        code = making.wait(within=60)
        if code != 0:
            raise DidNotStartError(f"initdb ended with {code}; its log ends:\n{making.log_tail()}")

    def _answers(self) -> bool:
        asked = subprocess.run(
            [self._tools / "pg_isready", *self._address(), "-q"], env=self._env, check=False, timeout=10
        )
        return asked.returncode == 0

    def _run(self, tool: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._tools / tool, *self._address(), *arguments],
            env=self._env,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{tool} ended with {done.returncode}: {done.stderr.strip()}")

    def _address(self) -> list[str]:
        return [f"--host={self.host}", f"--port={self.port}", f"--username={_OWNER}"]


def _complete_installation_or_skip() -> Path:
    """Find a folder that holds the server and all its tools: a stray link on the PATH is not enough."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("[0-9]*/bin"),
        key=lambda place: float(place.parent.name),
        reverse=True,
    )
    homebrew = sorted(Path("/opt/homebrew/opt").glob("postgresql*/bin"), reverse=True)
    on_path = shutil.which("initdb")
    elsewhere = [Path(on_path).resolve().parent] if on_path else []
    for place in [*debian, *homebrew, *elsewhere]:
        if all((place / tool).exists() for tool in _TOOLS):
            return place
    pytest.skip("PostgreSQL is not installed: this test needs the package postgresql")


def _server_user_or_skip() -> str | None:
    """Name the user to become: none, unless we are root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres: run the tests as a user")

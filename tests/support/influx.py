"""An InfluxDB 1.x of our own."""

import http.client
import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from support.ports import free_port
from support.process import Process, find_or_skip

_CONFIG = """\
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
flux-enabled = false
[monitor]
store-enabled = false
[subscriber]
enabled = false
[continuous_queries]
enabled = false
"""


class InfluxRefusedError(RuntimeError):
    """The server answered with an error; the message is its own."""


class Influx(Process):
    """An InfluxDB that answers `/write` and `/query` without passwords.

    Args:
        folder: keeps its configuration, data, write-ahead log and own log.
        port: where it listens on 127.0.0.1; a free port if None.
    """

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        self.host = "127.0.0.1"
        self.port = port or free_port()
        config = folder / "influxdb.conf"
        super().__init__(
            [find_or_skip("influxd", "influxdb"), "-config", config],
            folder,
            name="influxd",
            ready=self._pings,
        )
        config.write_text(_CONFIG.format(folder=folder, port=self.port, rpc=free_port()))

    @property
    def url(self) -> str:
        """Its address as `http://127.0.0.1:port`."""
        return f"http://{self.host}:{self.port}"

    def store_url(self, database: str) -> str:
        """Return the address of a database as the store takes it."""
        return f"influxdb://{self.host}:{self.port}/{database}"

    def create_database(self, name: str) -> None:
        """Make a database, or leave it as it is when it exists."""
        self.query(f'CREATE DATABASE "{name}"')

    def drop_database(self, name: str) -> None:
        """Forget a database and all that it holds."""
        self.query(f'DROP DATABASE "{name}"')

    def query(self, statement: str, database: str = "") -> list[dict[str, Any]]:
        """Run one InfluxQL statement; return its series (`name`, `columns`, `values`), times in nanoseconds.

        Raises:
            InfluxRefusedError: the status, or the result inside a 200, was an error.
        """
        form = urlencode({"q": statement, "db": database, "epoch": "ns"})
        answer = json.loads(self._post("/query", form.encode(), {"Content-Type": "application/x-www-form-urlencoded"}))
        result = answer["results"][0]
        if "error" in result:
            raise InfluxRefusedError(result["error"])
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    def write(self, lines: str, database: str) -> None:
        """Write line protocol, times in nanoseconds.

        Raises:
            InfluxRefusedError: the server did not answer with success.
        """
        self._post(f"/write?{urlencode({'db': database})}", lines.encode(), {})

    def _post(self, target: str, body: bytes, headers: dict[str, str]) -> bytes:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request("POST", target, body, headers)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status >= http.client.BAD_REQUEST:
            raise InfluxRefusedError(f"{response.status}: {answer.decode(errors='replace')}")
        return answer

    def _pings(self) -> bool:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=1)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == http.client.NO_CONTENT
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _version_1_or_skip() -> Path:
    """Find an influxd of the 1.x line: later ones take no configuration file of this kind."""
    program = find_or_skip("influxd", "influxdb")
    version = subprocess.run([program, "version"], capture_output=True, text=True, check=False).stdout
    if not version.startswith("InfluxDB v1."):
        pytest.skip(f"{program} is {version.strip() or 'of no known version'}: this test needs InfluxDB 1.x")
    return program

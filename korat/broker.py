"""The embedded broker: a real mosquitto as a child process."""

import asyncio
import os
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog

from city.backoff import Backoff
from city.errors import ConfigurationError, Unavailable
from korat.services import refuse_taken

log = structlog.get_logger("broker")

READY_S: Final = 10.0
STOP_S: Final = 1.0
FREE_S: Final = 2.0
"""How long the port may stay taken: after a `kill -9` the mosquitto of the last run needs a moment to end."""

GOOD_S: Final = 10.0
"""A mosquitto that lived this long was a good one: the next one is started without delay."""

LOG_BYTES: Final = 2**20

_CRASHED: Final = 128
"""The shell's exit code for a child that a signal ended is above this."""

# The shell outlives us by one line: when our end of its standard input closes, however we end, it ends mosquitto.
# Otherwise a `kill -9` would leave a broker behind that holds the port.
_TETHER: Final = """
exec 3<&0
"$0" -c "$1" & broker=$!
{ read -r _ <&3; kill "$broker" 2>/dev/null; } &
wait "$broker"
"""

_CONFIGURATION: Final = """\
# Written anew at each start by `korat up`.
listener {port} 127.0.0.1
allow_anonymous true
{user}persistence true
persistence_location {folder}/
autosave_interval 5
# Custody is the gateway's; the broker must neither throttle ingest nor drop for it.
max_inflight_messages 0
max_queued_messages 0
max_packet_size 16777216
persistent_client_expiration 14d
set_tcp_nodelay true
log_dest file {folder}/mosquitto.log
log_type error
log_type warning
"""


def find() -> str:
    """Path of the mosquitto program; Debian keeps it where a user's PATH doesn't look.

    Raises:
        ConfigurationError: It isn't installed.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"])
    found = shutil.which("mosquitto", path=path)
    if found is None:
        raise ConfigurationError("mosquitto is not installed: apt-get install mosquitto, or brew install mosquitto")
    return found


@dataclass(slots=True)
class Broker:
    """A mosquitto on loopback, with its files in `folder`."""

    port: int
    folder: Path
    process: asyncio.subprocess.Process | None = None
    _logged: int = 0
    """Size of the log when this mosquitto was started: what stands before is of an earlier one."""

    async def start(self) -> None:
        """Start it and wait until it listens. A database that it can't read is moved aside: custody is the gateways'.

        Raises:
            ConfigurationError: It isn't installed, or its port is taken.
            Unavailable: It doesn't come up; the message has its last words.
        """
        program = find()
        await self._port_free()
        configuration = self._configure()
        try:
            await self._start(program, configuration)
        except Unavailable as error:
            aside = self._move_database_aside()
            if aside is None:
                raise
            log.warning(
                "mosquitto could not read its database, which was moved aside; gateways send again what lay in it, "
                "devices that publish themselves don't",
                moved_to=str(aside),
                error=str(error),
            )
            await self._start(program, configuration)

    async def _start(self, program: str, configuration: Path) -> None:
        self._logged = self._log.stat().st_size if self._log.exists() else 0
        with self._stderr.open("wb") as stderr:
            self.process = await asyncio.create_subprocess_exec(
                "/bin/sh",
                "-c",
                _TETHER,
                program,
                str(configuration),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,  # Ctrl-C is for us; the broker goes last
            )
        try:
            async with asyncio.timeout(READY_S):
                await self._listening()
        except TimeoutError:
            await self.stop()
            raise Unavailable(f"mosquitto did not listen on port {self.port}: {self._last_words()}") from None

    def _move_database_aside(self) -> Path | None:
        """Rename the database if mosquitto ended over it; None if it was something else."""
        database = self.folder / "mosquitto.db"
        code = self.process.returncode if self.process is not None else None
        has_crashed = code is not None and (code < 0 or code > _CRASHED)
        if code is None or not database.exists() or not (has_crashed or "database" in self._errors()):
            return None
        aside = database.with_name(f"mosquitto.db.damaged-{time.time_ns()}")
        database.replace(aside)
        return aside

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def watch(self, stop: asyncio.Event) -> None:
        """Start it again whenever it dies, until `stop` is set."""
        watching = asyncio.create_task(self._revive(), name="broker revival")
        await stop.wait()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    async def _revive(self) -> None:
        backoff, loop = Backoff(), asyncio.get_running_loop()
        while True:
            if self.process is not None:
                began_s = loop.time()
                code = await self.process.wait()
                if loop.time() - began_s > GOOD_S:
                    backoff.reset()
                log.warning("mosquitto ended, starting it again", code=code, error=self._last_words())
            await asyncio.sleep(backoff.next())
            try:
                await self.start()
            except (ConfigurationError, Unavailable) as error:
                log.warning("mosquitto does not start", error=str(error))

    async def stop(self) -> None:
        """End it; its sessions and queues are saved."""
        process, self.process = self.process, None
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            async with asyncio.timeout(STOP_S):
                await process.wait()
        except TimeoutError:
            log.warning("mosquitto does not end; killed")
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # the shell leads a group of its own
            await process.wait()

    async def _listening(self) -> None:
        while True:
            if self.process is None or self.process.returncode is not None:
                raise Unavailable(f"mosquitto ended at once: {self._last_words()}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            await writer.wait_closed()
            return

    async def _port_free(self) -> None:
        until_s = asyncio.get_running_loop().time() + FREE_S
        while True:
            try:
                return refuse_taken("KORAT_MQTT_PORT (mqtt.port)", "127.0.0.1", self.port)
            except ConfigurationError:
                if asyncio.get_running_loop().time() > until_s:
                    raise
            await asyncio.sleep(0.05)

    def _configure(self) -> Path:
        file = self.folder / "mosquitto.conf"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self._log.exists() and self._log.stat().st_size > LOG_BYTES:
                self._log.replace(self._log.with_name("mosquitto.log.1"))
            # as root it would become a user who may not write to the folder
            user = "user root\n" if os.geteuid() == 0 else ""
            file.write_text(_CONFIGURATION.format(port=self.port, user=user, folder=self.folder), "utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"KORAT_DATA (data): {self.folder} can't be written to ({error.strerror})"
            ) from None
        return file

    @property
    def _log(self) -> Path:
        return self.folder / "mosquitto.log"

    @property
    def _stderr(self) -> Path:
        return self.folder / "mosquitto.stderr"

    def _errors(self) -> str:
        """What this mosquitto wrote to its standard error: all that it says before it has read its configuration."""
        try:
            return self._stderr.read_text("utf-8", "replace")
        except OSError:
            return ""

    def _last_words(self) -> str:
        """The end of what this mosquitto said; nothing of one before it."""
        lines = [line for line in self._errors().splitlines() if "should not be run as root" not in line]
        with suppress(OSError), self._log.open("rb") as file:
            file.seek(self._logged)
            lines += file.read().decode("utf-8", "replace").splitlines()
        return "; ".join(lines[-2:]) or f"it said nothing, and {self._log} has nothing new"

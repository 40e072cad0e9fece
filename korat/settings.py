"""The settings that all rooms share, and the one place that knows every room's class."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Self
from urllib.parse import quote, unquote

import structlog
from pydantic import Field, field_validator

from api.settings import ApiSettings
from city.errors import ConfigurationError
from city.mqtt.address import Address
from city.settings import CONFIG_VARIABLE, Settings, load, refuse_unknown
from city.store import SCHEMES
from city.topics import PROVINCE_PATTERN
from gateway.settings import GatewaySettings
from ingest.settings import IngestSettings, RetentionSettings
from korat.init_settings import InitSettings
from simulators.settings import SimulatorSettings

log = structlog.get_logger("korat")

_STORES: Final = tuple(f"{scheme}://" for scheme in SCHEMES)
_PRIVATE: Final = 0o700
_OTHERS: Final = 0o077
_OURS: Final = ("ledger.sqlite", "readings.duckdb", "gateway.spool", "mosquitto")
"""Names by which a data folder is known as ours."""

_LEDGERS: Final = ("sqlite://", "postgresql://", "postgresql+psycopg://")


class CitySettings(Settings):
    """What all rooms share: the top of `korat.toml`, variables `KORAT_*`.

    Attributes:
        data: Folder of everything that is kept; a relative one begins where the process was started.
        province: ISO 3166-2 code of the province, in lower case; it stands in every topic.
        store_url: Where readings are kept: `duckdb:////absolute/path` for one process, or
            `influxdb://[user:password@]host:8086/database[?token=...]` (`influxdbs://` with TLS) for several, with
            `token_file=` or `password_file=` where the secret stands in a file; empty: the DuckDB file
            `readings.duckdb` in the data folder.
        ledger_url: Where ledger and registry are kept: `sqlite:////absolute/path` or
            `postgresql://user:password@host/database`, with `?password_file=` where the password stands in a file;
            empty: the SQLite file `ledger.sqlite` in the data folder.
        self_metrics_interval_s: Seconds between two self-metrics of ingest and API, which are readings of the kind
            `platform`; 0: never.
    """

    section: ClassVar[str] = ""

    data: Path = Path("var")
    province: str = "th-30"
    store_url: str = ""
    ledger_url: str = ""
    self_metrics_interval_s: float = Field(default=60.0, ge=0, le=3600)

    @field_validator("province")
    @classmethod
    def _iso(cls, value: str) -> str:
        if PROVINCE_PATTERN.fullmatch(value) is None:
            raise ValueError("a province is an ISO 3166-2 code in lower case, like th-30")
        return value

    @field_validator("store_url")
    @classmethod
    def _store(cls, value: str) -> str:
        if value and not value.startswith(_STORES):
            raise ValueError("a store's address begins with duckdb://, influxdb:// or influxdbs://")
        return value

    @field_validator("ledger_url")
    @classmethod
    def _ledger(cls, value: str) -> str:
        if value and not value.startswith(_LEDGERS):
            raise ValueError("a ledger's address begins with sqlite:// or postgresql://")
        return value


class MqttSettings(Settings):
    """How to reach the broker: table `[mqtt]`, variables `KORAT_MQTT_*`.

    Attributes:
        url: `mqtt://[user:password@]host[:port]`, or `mqtts://` with the options `ca`, `cert`, `key`, `insecure` and
            `password_file`; wins over host and port. Not for `korat up`, which brings its own broker.
        host: Host of the broker.
        port: Port of the broker; the one that `korat up` brings listens on it.
        client_id: Client id of `korat doctor` and `korat record`, for a user that the broker binds to one; no other
            process may use it meanwhile. Empty: ids of their own.
    """

    section: ClassVar[str] = "mqtt"

    url: str = ""
    host: str = Field("127.0.0.1", min_length=1)
    port: int = Field(1883, ge=1, le=65535)
    client_id: str = Field("", pattern=r"^[!-~]{0,128}$")

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            _ = value and Address.parse(value)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return value

    def address(self) -> Address:
        """Give the broker's address: `url` if it is set, else host and port."""
        return Address.parse(self.url) if self.url else Address(self.host, self.port)


SECTIONS: Final[list[type[Settings]]] = [
    CitySettings,
    MqttSettings,
    GatewaySettings,
    IngestSettings,
    RetentionSettings,
    ApiSettings,
    SimulatorSettings,
    InitSettings,
]


@dataclass(frozen=True, slots=True)
class PlatformSettings:
    """All settings of one platform.

    Attributes:
        file: The settings file that was read; None: there was none.
    """

    city: CitySettings
    mqtt: MqttSettings
    gateway: GatewaySettings
    ingest: IngestSettings
    retention: RetentionSettings
    api: ApiSettings
    simulators: SimulatorSettings
    init: InitSettings
    file: Path | None = None

    @classmethod
    def load(cls, file: Path | None = None) -> Self:
        """Read `korat.toml` (or the file that `KORAT_CONFIG` names) and the environment.

        Raises:
            ConfigurationError: One sentence that names the key.
        """
        named = os.environ.get(CONFIG_VARIABLE)
        file = file or (Path(named) if named else None)
        if file is None and Path("korat.toml").exists():
            file = Path("korat.toml")
        refuse_unknown(SECTIONS, os.environ, file)
        return cls(
            city=load(CitySettings, os.environ, file),
            mqtt=load(MqttSettings, os.environ, file),
            gateway=load(GatewaySettings, os.environ, file),
            ingest=load(IngestSettings, os.environ, file),
            retention=load(RetentionSettings, os.environ, file),
            api=load(ApiSettings, os.environ, file),
            simulators=load(SimulatorSettings, os.environ, file),
            init=load(InitSettings, os.environ, file),
            file=file,
        )

    @property
    def data(self) -> Path:
        """The data folder, absolute."""
        return self.city.data.absolute()

    @property
    def store_url(self) -> str:
        """The store, by default a file in the data folder."""
        return self.city.store_url or f"duckdb:///{quote(str(self.data / 'readings.duckdb'))}"

    @property
    def store_file(self) -> Path | None:
        """The store's file; None where it is a server."""
        return _file(self.store_url, "duckdb:///")

    @property
    def ledger_url(self) -> str:
        """Ledger and registry, by default a file in the data folder."""
        return self.city.ledger_url or f"sqlite:///{quote(str(self.data / 'ledger.sqlite'))}"

    @property
    def ledger_file(self) -> Path | None:
        """The ledger's file; None where it is a server."""
        return _file(self.ledger_url, "sqlite:///")

    @property
    def spool_file(self) -> Path:
        """The gateway's spool, in the data folder."""
        return self.data / self.gateway.spool

    def make_data(self) -> None:
        """Make the data folder, for this user alone; one of ours that others may read is closed to them.

        Raises:
            ConfigurationError: It can't be made, or nothing can be written into it.
        """
        key = f"KORAT_DATA (data): the folder {self.data}"
        try:
            self.data.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"{key} can't be made: {error.strerror}") from None
        if not os.access(self.data, os.W_OK | os.X_OK):
            raise ConfigurationError(f"{key} can't be written to by this user")
        _close_to_others(self.data)


def _close_to_others(folder: Path) -> None:
    """Take away others' rights to a folder that holds files of ours; of any other folder say that it has them."""
    found = folder.stat()
    if not found.st_mode & _OTHERS:
        return
    if found.st_uid == os.geteuid() and any((folder / name).exists() for name in _OURS):
        folder.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
        log.warning("the data folder was open to other users, and is closed to them now", folder=str(folder))
    else:
        log.warning("other users may look into the data folder: chmod 700 closes it", folder=str(folder))


def _file(url: str, before: str) -> Path | None:
    return Path(unquote(url.removeprefix(before).partition("?")[0])) if url.startswith(before) else None

"""The settings that all rooms share, and the one place that knows every room's class."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, field_validator

from api.settings import ApiSettings
from city.mqtt import Address
from city.settings import Settings, load, refuse_unknown
from city.topics import PROVINCE_PATTERN
from gateway.settings import GatewaySettings
from ingest.settings import IngestSettings
from simulators.settings import SimulatorSettings


class CitySettings(Settings):
    """Settings at the top of `korat.toml`, variables `KORAT_*`."""

    section: ClassVar[str] = ""

    data: Path = Field(Path("var"), description="Folder of everything that is kept")
    province: str = Field("th-30", description="ISO 3166-2 code of the province, in lower case")
    store_url: str = Field("", description="duckdb:///path or influxdb://host:8086/name; empty: a DuckDB file in data")
    ledger_url: str = Field("", description="sqlite:///path or postgresql://...; empty: a SQLite file in data")

    @field_validator("province")
    @classmethod
    def _iso(cls, value: str) -> str:
        if PROVINCE_PATTERN.fullmatch(value) is None:
            raise ValueError("a province is an ISO 3166-2 code in lower case, like th-30")
        return value


class MqttSettings(Settings):
    """How to reach the broker: table `[mqtt]`, variables `KORAT_MQTT_*`."""

    section: ClassVar[str] = "mqtt"

    url: str = Field("", description="mqtt://[user:password@]host[:port] or mqtts://...; wins over host and port")
    host: str = Field("127.0.0.1", description="Host of the broker")
    port: int = Field(1883, ge=1, le=65535, description="Port of the broker; the embedded one listens on it")

    def address(self) -> Address:
        """Where the broker is."""
        return Address.parse(self.url or f"mqtt://{self.host}:{self.port}")


SECTIONS: list[type[Settings]] = [
    CitySettings,
    MqttSettings,
    GatewaySettings,
    IngestSettings,
    ApiSettings,
    SimulatorSettings,
]


@dataclass(frozen=True, slots=True)
class Everything:
    """All settings of one platform."""

    city: CitySettings
    mqtt: MqttSettings
    gateway: GatewaySettings
    ingest: IngestSettings
    api: ApiSettings
    simulators: SimulatorSettings

    @classmethod
    def load(cls, file: Path | None = None) -> Self:
        """Read `korat.toml` (or the file that `KORAT_CONFIG` names) and the environment.

        Raises:
            ConfigurationError: One sentence that names the key.
        """
        named = os.environ.get("KORAT_CONFIG")
        file = file or (Path(named) if named else None)
        if file is None and Path("korat.toml").exists():
            file = Path("korat.toml")
        refuse_unknown(SECTIONS, os.environ, file)
        return cls(
            city=load(CitySettings, os.environ, file),
            mqtt=load(MqttSettings, os.environ, file),
            gateway=load(GatewaySettings, os.environ, file),
            ingest=load(IngestSettings, os.environ, file),
            api=load(ApiSettings, os.environ, file),
            simulators=load(SimulatorSettings, os.environ, file),
        )

    @property
    def data(self) -> Path:
        """The data folder, absolute."""
        return self.city.data.absolute()

    @property
    def store_url(self) -> str:
        """The store, by default a file in the data folder."""
        return self.city.store_url or f"duckdb:///{self.data / 'readings.duckdb'}"

    @property
    def ledger_url(self) -> str:
        """Ledger and registry, by default a file in the data folder."""
        return self.city.ledger_url or f"sqlite:///{self.data / 'ledger.sqlite'}"

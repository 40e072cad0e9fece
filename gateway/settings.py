"""The gateway's settings: `[gateway]` in `korat.toml`, `KORAT_GATEWAY_*` in the environment."""

from pathlib import Path
from typing import ClassVar

from pydantic import Field, field_validator

from city.errors import ConfigurationError, Malformed
from city.mqtt import Address
from city.reading import checked_id
from city.settings import Settings
from gateway.inputs.routes import Route
from gateway.outbox.packing import MOST_READINGS


class GatewaySettings(Settings):
    """One gateway.

    Attributes:
        id: Id of the gateway; it names its topics, and the spool belongs to it.
        http_host: Address that the HTTP link listens on; any other than loopback needs a token in `gateway.toml`.
        http_port: TCP port of the HTTP link; 0 lets the system choose.
        http_body_bytes: Largest body, in bytes, also after unpacking.
        http_waiting: Requests under way at once, and a quarter as many webhooks beside them; more are answered 429.
        spool: The spool's file, relative to the data folder.
        spool_bytes: Most bytes of the spool.
        pack_readings: Readings at which a pack is closed.
        pack_age_ms: Milliseconds after which a pack is closed anyway.
        window: Packs on their way without a receipt.
        resend_s: Seconds after which a pack without a receipt is sent again for the first time.
        health_s: Seconds between two readings that the gateway makes of itself; 0: it makes none.
        naming: What the city calls what the gateway hears, and further links, relative to the data folder;
            `gateway.toml` may be absent.
        mqtt_url: Broker of the foreign topics; empty: the city's own.
        mqtt_topics: Foreign topics, `filter -> decoder`, like `plant/{kind}/{device}/up -> native`; `{kind}` and
            `{device}` stand for the level that names them. The environment separates them by `;`.
    """

    section: ClassVar[str] = "gateway"

    id: str = "gw-1"
    http_host: str = "127.0.0.1"
    http_port: int = Field(8080, ge=0, le=65_535)
    http_body_bytes: int = Field(256 * 1024, ge=1024, le=4 * 2**20)
    http_waiting: int = Field(256, ge=1, le=10_000)
    spool: Path = Path("gateway.spool")
    spool_bytes: int = Field(2**30, ge=2**20)
    pack_readings: int = Field(100, ge=1, le=MOST_READINGS)
    pack_age_ms: int = Field(100, ge=1, le=60_000)
    window: int = Field(64, ge=1, le=1024)
    resend_s: float = Field(5.0, ge=0.1, le=60)
    health_s: int = Field(60, ge=0, le=3600)
    naming: Path = Path("gateway.toml")
    mqtt_url: str = ""
    mqtt_topics: tuple[str, ...] = ()

    @field_validator("id")
    @classmethod
    def _well_formed(cls, value: str) -> str:
        try:
            return checked_id(value)
        except Malformed as error:
            raise ValueError(error.detail) from None

    @field_validator("mqtt_topics", mode="before")
    @classmethod
    def _separated(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(";") if part.strip()) if isinstance(value, str) else value

    @field_validator("mqtt_topics")
    @classmethod
    def _routes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            Route.parse(text)
        return value

    @field_validator("mqtt_url")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            _ = value and Address.parse(value)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
        return value

"""The gateway's settings: `[gateway]` in `korat.toml`, `KORAT_GATEWAY_*` in the environment."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, field_validator

from city.errors import Malformed
from city.proxies import checked_proxies
from city.reading import checked_id
from city.settings import Settings
from gateway.outbox.group_commit import MAX_READINGS


class GatewaySettings(Settings):
    """One gateway.

    Attributes:
        id: Id of the gateway; it names its topics, and the spool belongs to it.
        http_host: Address that the HTTP input listens on; any other than loopback needs a token in `gateway.toml`.
        http_port: TCP port of the HTTP input; 0 lets the system choose.
        http_body_bytes: Largest body, in bytes, also after unpacking.
        http_max_concurrent: Requests under way at once, and a quarter as many webhooks beside them; more are answered
            429. All `http_*` count where `gateway.toml` has no `[[input.http]]`, or one that lacks the key.
        http_allowed_hosts: Names, separated by commas, by which an HTTP input without tokens may be asked beside the
            loopback's own: those of a proxy on this machine.
        http_trusted_proxies: Addresses or networks of proxies, separated by commas, whose `X-Forwarded-For` or
            `Forwarded` says who sends; half of `http_max_concurrent` requests may then be under way for one client.
            Empty: these headers count for nothing.
        spool: The spool's file, relative to the data folder.
        spool_bytes: Most bytes of the spool.
        pack_readings: Readings at which a pack is closed.
        pack_age_ms: Milliseconds after which a pack is closed anyway.
        max_inflight_packs: Packs on their way without a receipt.
        resend_s: Seconds after which a pack without a receipt is sent again for the first time.
        receipt_key_file: File of the key that ingest signs receipts with; one without a good signature is then
            refused, and its packs are sent again. Empty: every receipt is believed.
        self_metrics_interval_s: Seconds between two readings that the gateway makes of itself; 0: it makes none.
        config_file: Inputs, and what the city calls what they bring, relative to the data folder; `gateway.toml` may be
            absent.
    """

    section: ClassVar[str] = "gateway"

    id: str = "gw-1"
    http_host: str = "127.0.0.1"
    http_port: int = Field(8080, ge=0, le=65_535)
    http_body_bytes: int = Field(256 * 1024, ge=1024, le=4 * 2**20)
    http_max_concurrent: int = Field(256, ge=1, le=10_000)
    http_allowed_hosts: str = Field("", max_length=1000)
    http_trusted_proxies: Annotated[str, Field(max_length=1000), AfterValidator(checked_proxies)] = ""
    spool: Path = Path("gateway.spool")
    spool_bytes: int = Field(2**30, ge=2**20)
    pack_readings: int = Field(100, ge=1, le=MAX_READINGS)
    pack_age_ms: int = Field(100, ge=1, le=60_000)
    max_inflight_packs: int = Field(64, ge=1, le=1024)
    resend_s: float = Field(5.0, ge=0.1, le=60)
    receipt_key_file: str = ""
    self_metrics_interval_s: int = Field(60, ge=0, le=3600)
    config_file: Path = Path("gateway.toml")

    @field_validator("id")
    @classmethod
    def _well_formed(cls, value: str) -> str:
        try:
            return checked_id(value)
        except Malformed as error:
            raise ValueError(error.detail) from None

"""What can be set about ingest."""

from typing import ClassVar

from pydantic import Field

from city.settings import Settings


class IngestSettings(Settings):
    """Settings of the ingest service: table `[ingest]`, variables `KORAT_INGEST_*`."""

    section: ClassVar[str] = "ingest"

    worker: str = Field("1", pattern=r"^[a-z0-9-]{1,32}$", description="Name of this worker; stable over restarts")
    group: str = Field("ingest", pattern=r"^[a-z0-9-]{1,32}$", description="Shared subscription of all workers")
    flush_readings: int = Field(5_000, ge=1, le=100_000, description="Readings that close a flush")
    flush_ms: int = Field(250, ge=1, le=60_000, description="Age that closes a flush, milliseconds")
    inflight_messages: int = Field(20_000, ge=100, le=1_000_000, description="Messages held without acknowledgement")
    inflight_bytes: int = Field(32 * 2**20, ge=2**20, description="Bytes of those messages")
    ahead_s: int = Field(300, ge=0, description="How far a reading's time may lie ahead of ours, seconds")
    device_messages: int = Field(400_000, ge=1, description="Messages an hour that one direct device may send")
    device_bytes: int = Field(200 * 10**6, ge=1, description="Bytes an hour that one direct device may send")
    gateway_messages: int = Field(4_000_000, ge=1, description="Packs an hour that one gateway may send")
    gateway_bytes: int = Field(40 * 10**9, ge=1, description="Bytes an hour that one gateway may send")
    new_devices: int = Field(20_000, ge=1, description="New devices an hour by one gateway, or direct in one province")
    new_quantities: int = Field(500, ge=1, description="New quantities outside the catalog an hour by one source")

"""What can be set about ingest."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from city.settings import Settings

if TYPE_CHECKING:
    from city.ledger.port import QuarantineBounds


class IngestSettings(Settings):
    """Settings of the ingest service: table `[ingest]`, variables `KORAT_INGEST_*`.

    What a device sends beyond its hourly budget is quarantined until the hour is over; no other device is touched,
    nor the rest of a pack. What a gateway brings late is charged to the hours in which it was measured.

    Attributes:
        worker: Name of this worker, the same after a restart; each worker of a group has another. `auto`: the lowest
            number that is free among the workers that share the data folder.
        workers: How many workers there are. Several share one subscription; a single one has its own, which no other
            client can join.
        group: Name of the workers' shared subscription.
        receipt_key_file: File of the key with which receipts are signed, at least 32 characters; gateways that have it
            too believe no other receipt. Empty: they are not signed.
        flush_readings: Readings that close a flush; twice as many when they wait already, after an outage.
        flush_ms: Milliseconds after which a flush is closed anyway.
        inflight_messages: Messages held without acknowledgement.
        inflight_bytes: Bytes of those messages.
        max_future_skew_s: Seconds that a reading's time may lie ahead of ours; what is further goes to quarantine.
        device_messages: Messages an hour that one direct device may send, and readings of one hour by one gateway.
        device_bytes: Bytes an hour that one direct device may send.
        gateway_messages: Packs of one hour that one gateway may send; beyond, whole packs are quarantined.
        gateway_bytes: Bytes in packs of one hour that one gateway may send; beyond, whole packs are quarantined.
        quarantine_source_bytes: Bytes an hour that the quarantine keeps of one source; what is beyond is counted in one
            row with a sample.
        quarantine_hour_bytes: Bytes an hour that it keeps of all sources together.
        quarantine_bytes: Bytes that it keeps in all; beyond, the oldest hours are condensed.
        quarantine_days: Days after which an hour of it is condensed.
        new_devices: New devices an hour by one gateway, or direct in one province; ten times as many by all.
        new_quantities: New quantities outside the catalog an hour by one device; four times as many by one gateway, or
            direct in one province; ten times as many by all.
    """

    section: ClassVar[str] = "ingest"

    worker: str = Field("1", pattern=r"^[a-z0-9-]{1,32}$")
    workers: int = Field(1, ge=1, le=64)
    group: str = Field("ingest", pattern=r"^[a-z0-9-]{1,32}$")
    receipt_key_file: str = ""
    flush_readings: int = Field(5_000, ge=1, le=100_000)
    flush_ms: int = Field(250, ge=1, le=60_000)
    inflight_messages: int = Field(20_000, ge=100, le=1_000_000)
    inflight_bytes: int = Field(32 * 2**20, ge=2**20)
    max_future_skew_s: int = Field(300, ge=0)
    device_messages: int = Field(400_000, ge=1)
    device_bytes: int = Field(200 * 10**6, ge=1)
    gateway_messages: int = Field(4_000_000, ge=1)
    gateway_bytes: int = Field(40 * 10**9, ge=1)
    quarantine_source_bytes: int = Field(8 * 2**20, ge=0)
    quarantine_hour_bytes: int = Field(64 * 2**20, ge=0)
    quarantine_bytes: int = Field(2 * 2**30, ge=0)
    quarantine_days: int = Field(90, ge=1)
    new_devices: int = Field(20_000, ge=1)
    new_quantities: int = Field(500, ge=1)

    def quarantine_bounds(self) -> "QuarantineBounds":
        """What the ledger keeps of what could not be used."""
        # a gateway reads all settings too, and must not load a database for it
        from city.ledger.port import QuarantineBounds  # noqa: PLC0415

        return QuarantineBounds(
            source_hour_bytes=self.quarantine_source_bytes,
            hour_bytes=self.quarantine_hour_bytes,
            bytes=self.quarantine_bytes,
            days=self.quarantine_days,
        )


class RetentionSettings(Settings):
    """How long things are kept: table `[retention]`, variables `KORAT_RETENTION_*`; ingest lets go of what is older.

    An InfluxDB's buckets have a retention of their own.

    Attributes:
        journal_days: Days for which the journal is kept: what was stored, in order, to follow it or to refill a store.
        journal_mb: Megabytes of the journal that are kept at most, of 10^6 bytes; the older goes first.
        hours_days: Days for which the ledger's hourly counts are kept.
        readings_days: Days for which the DuckDB file keeps readings; 0: for ever.
        vanished_days: Days of silence after which a device that has neither name nor owner leaves the registry; 0:
            never. When it speaks again it registers itself anew.
    """

    section: ClassVar[str] = "retention"

    journal_days: float = Field(7, ge=0.05, le=36_500)
    journal_mb: int = Field(10_000, ge=1)
    hours_days: int = Field(1_100, ge=2, le=36_500)
    readings_days: int = Field(0, ge=0, le=36_500)
    vanished_days: int = Field(365, ge=0, le=36_500)

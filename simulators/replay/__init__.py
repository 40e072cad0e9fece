"""Replays recorded data: CSV, JSON, line protocol and our own records, through the broker or a gateway."""

from simulators.replay.options import ReplayOptions, ReplayReport
from simulators.replay.record import Record, read_records, write_record
from simulators.replay.run import replay

__all__ = ["Record", "ReplayOptions", "ReplayReport", "read_records", "replay", "write_record"]

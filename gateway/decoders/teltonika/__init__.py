"""Teltonika vehicle trackers: what a frame means (`readings`), and how their connections are spoken to (`session`)."""

from gateway.decoders.teltonika.readings import decode

__all__ = ["decode"]

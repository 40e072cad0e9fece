"""A mosquitto of our own."""

import os
from pathlib import Path

from support.ports import accepts, free_port
from support.process import Process, find_or_skip

_STAY_ROOT = "user root"  # else it becomes a user who may not write to the folder


class Mosquitto(Process):
    """An MQTT broker without limits or passwords, that saves its sessions to its folder every second.

    So a `stop` keeps everything, and a `kill` loses what the last second brought, as in the field.

    Args:
        folder: keeps its configuration, database and log.
        port: where it listens on 127.0.0.1; a free port if None.
        config_extra: lines to add to its configuration; a repeated number or boolean overrides ours.
    """

    def __init__(self, folder: Path, *, port: int | None = None, config_extra: str = "") -> None:
        self.host = "127.0.0.1"
        self.port = port or free_port()
        config = folder / "mosquitto.conf"
        super().__init__(
            [find_or_skip("mosquitto", "mosquitto"), "-c", config],
            folder,
            name="mosquitto",
            ready=lambda: accepts(self.port),
        )
        config.write_text(
            f"listener {self.port} {self.host}\n"
            "allow_anonymous true\n"
            "persistence true\n"
            f"persistence_location {folder}/\n"
            "autosave_interval 1\n"
            "max_inflight_messages 0\n"  # 0: no limit; the default of 20 throttles who acknowledges late
            "max_queued_messages 0\n"  # 0: no limit; the default drops what exceeds 1,000
            "set_tcp_nodelay true\n"
            "log_dest stderr\n"
            f"{_STAY_ROOT if os.geteuid() == 0 else ''}\n"
            f"{config_extra}\n"
        )

    @property
    def url(self) -> str:
        """Its address as `mqtt://127.0.0.1:port`."""
        return f"mqtt://{self.host}:{self.port}"

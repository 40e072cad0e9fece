"""The links that the gateway's own file asks for: `[[link.*]]` in `gateway.toml`, refused with a sentence when wrong.

```toml
[[link.tcp]]                        # trackers: gateway/inputs/tcp.py
protocol = "teltonika"
port = 5027                         # 0: off

[[link.udp]]                        # the same over UDP
protocol = "teltonika"

[[link.modbus]]                     # gateway/inputs/modbus.py
[[link.poll]]                       # gateway/inputs/poll.py
[[link.folder]]                     # gateway/inputs/folder.py
[[link.token]]                      # who may push to the HTTP link: gateway/inputs/credentials.py
[[link.hook]]
```
"""

import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from city.errors import ConfigurationError
from gateway.decoders import DECODERS
from gateway.inputs.credentials import HookTable, TokenTable
from gateway.inputs.folder import FolderTable
from gateway.inputs.modbus import ModbusDevice, ModbusTable
from gateway.inputs.poll import PollTable
from gateway.inputs.registers import Register
from gateway.inputs.table import Id, Port, Seconds, Table
from gateway.inputs.tcp import Limits
from gateway.inputs.tracker_protocols import TRACKER_PROTOCOLS

_PORT: Final = 5027
_LIMITS: Final = Limits()


class TrackerTable(Table):
    """One `[[link.tcp]]` or `[[link.udp]]`.

    Attributes:
        protocol: What the trackers speak.
        name: Name of the link; empty: the protocol's, and `-tcp` or `-udp`.
        host: Address to listen on.
        port: Port; 0: off.
        connections: At once, for TCP.
        frame_bytes: Most bytes of one frame.
        frames_a_second: Of one TCP connection, or of one address over UDP, in the long run.
        login_s: Seconds in which a tracker must say who it is, for TCP.
        idle_s: Seconds of silence after which a connection is closed, for TCP.
    """

    protocol: Literal["teltonika"]
    name: Id | Literal[""] = ""
    host: str = "127.0.0.1"
    port: Port = _PORT
    connections: int = Field(_LIMITS.connections, ge=1, le=50_000)
    frame_bytes: int = Field(_LIMITS.frame_bytes, ge=256, le=2**20)
    frames_a_second: float = Field(_LIMITS.frames_a_second, gt=0, le=10_000)
    login_s: Seconds = _LIMITS.login_s
    idle_s: Seconds = _LIMITS.idle_s

    def limits(self) -> Limits:
        """What a tracker may cost."""
        return Limits(self.connections, self.frame_bytes, self.frames_a_second, self.login_s, self.idle_s)


class Inputs(Table):
    """All `[[link.*]]` tables of one gateway."""

    tcp: tuple[TrackerTable, ...] = ()
    udp: tuple[TrackerTable, ...] = ()
    modbus: tuple[ModbusTable, ...] = ()
    poll: tuple[PollTable, ...] = ()
    folder: tuple[FolderTable, ...] = ()
    token: tuple[TokenTable, ...] = ()
    hook: tuple[HookTable, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        names = list(self.names())
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two links are called {twice!r}")
        decoded: tuple[PollTable | FolderTable | HookTable, ...] = (*self.poll, *self.folder, *self.hook)
        for table in decoded:
            if table.decoder not in DECODERS:
                raise ValueError(f"{table.name!r}: there is no decoder {table.decoder!r}, only {', '.join(DECODERS)}")
        for token in self.token:
            if unknown := next((each for each in token.decoders if each not in DECODERS), None):
                raise ValueError(f"{token.name!r}: there is no decoder {unknown!r}, only {', '.join(DECODERS)}")
        for tracker in self.udp:
            if TRACKER_PROTOCOLS[tracker.protocol].datagram is None:
                raise ValueError(f"{tracker.protocol} has no UDP form")
        return self

    def names(self) -> Iterator[str]:
        """Name every link that counts for itself."""
        for transport, trackers in (("tcp", self.tcp), ("udp", self.udp)):
            yield from (name_of(table, transport) for table in trackers)
        named: tuple[ModbusTable | PollTable | FolderTable, ...] = (*self.modbus, *self.poll, *self.folder)
        yield from (table.name for table in named)

    def shown(self) -> dict[str, list[str]]:
        """Say which links there are, for the log."""
        ports = (("tcp", self.tcp), ("udp", self.udp))
        listening = {how: [f"{each.host}:{each.port}" for each in trackers if each.port] for how, trackers in ports}
        asking: dict[str, tuple[ModbusTable | PollTable | FolderTable | HookTable, ...]]
        asking = {"modbus": self.modbus, "poll": self.poll, "folder": self.folder, "hook": self.hook}
        return listening | {how: [each.name for each in tables] for how, tables in asking.items()}

    def told(self) -> Iterator[tuple[str, str, Mapping[str, str]]]:
        """Name the links that choose a decoder, the decoder, and what it is told."""
        chosen: tuple[PollTable | FolderTable | HookTable, ...] = (*self.poll, *self.folder, *self.hook)
        yield from ((table.name, table.decoder, table.parameters) for table in chosen)


def refuse_unknown_mappings(told: Iterable[tuple[str, str, Mapping[str, str]]], known: Collection[str]) -> None:
    """Look whether every mapping that a link or a route names is there.

    Raises:
        ConfigurationError: One isn't.
    """
    for name, decoder, parameters in told:
        mapping = parameters.get("mapping")
        if decoder == "mapped" and mapping not in known:
            there = ", ".join(sorted(known)) or "none"
            raise ConfigurationError(
                f"{name!r}: there is no [mappings.{mapping}], only {there}"
                if mapping
                else f'{name!r}: the decoder mapped needs a mapping, as in parameters = {{ mapping = "..." }}'
            )


def name_of(table: TrackerTable, transport: str) -> str:
    """Name a tracker link."""
    return table.name or f"{table.protocol}-{transport}"


_MODELS: Final = (
    *(Inputs, TrackerTable, ModbusTable, ModbusDevice, Register),
    *(PollTable, FolderTable, TokenTable, HookTable),
)
_KEYS: Final = frozenset(key for model in _MODELS for key in model.model_fields)


def find_links(file: Path, *, asked_for: bool) -> Inputs:
    """Read the tables of a file; no links where none is asked for and none is there.

    Raises:
        ConfigurationError: One sentence that names the file and the key.
    """
    return load_links(file) if asked_for or file.exists() else Inputs()


def load_links(file: Path) -> Inputs:
    """Read the tables of a file; what else is in it is others'.

    Raises:
        ConfigurationError: One sentence that names the file and the key.
    """
    try:
        whole = tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{file} can't be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is no TOML: {error}") from None
    return check_links(whole.get("link", {}), str(file))


def check_links(tables: Mapping[str, Any], where: str) -> Inputs:
    """Check the tables.

    Args:
        tables: What stands under `link`.
        where: The file, for the sentences.

    Raises:
        ConfigurationError: One sentence that names the key.
    """
    try:
        return Inputs.model_validate(tables)
    except ValidationError as error:
        raise ConfigurationError(f"{where}: {_sentence(error)}") from None


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = _place(first["loc"])
    if first["type"] == "extra_forbidden":
        key = str(first["loc"][-1])
        close = get_close_matches(key, _KEYS, n=1)
        return f"{_place(first['loc'][:-1])} has no key {key!r}" + (f", did you mean {close[0]}?" if close else "")
    return f"{place}: {first['msg'].removeprefix('Value error, ').replace('Input should', 'it must', 1)}"


def _place(location: Iterable[int | str]) -> str:
    """Write where something stands: `link.modbus[2].device[1].kind`, counted from 1."""
    return "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in ("link", *location))[1:]

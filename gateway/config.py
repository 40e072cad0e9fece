"""`gateway.toml`, read once: the inputs, and what the city calls what they bring. A mistake is a sentence at the start.

```toml
[[input.http]]      # one table an input; gateway/inputs/ has a module for each, with the keys of its table
[[input.mqtt]]
[[input.tcp]]
[[input.udp]]
[[input.modbus]]
[[input.poll]]
[[input.folder]]

[sources.x]         # gateway/naming/tables.py
[mappings.y]        # gateway/decoders/mapping.py
[pseudonyms]
```
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from pydantic import Field, create_model, model_validator

from city.errors import ConfigurationError
from city.settings import read_toml
from city.tables import Table, parse_table
from gateway.decoders.mapping import JsonMapping
from gateway.inputs import INPUTS
from gateway.inputs.http import HttpTable
from gateway.inputs.input import InputTable, refuse_unknown_mappings
from gateway.inputs.mqtt import MqttTable, memory_of, remembered
from gateway.naming import Naming
from gateway.naming.rules import pattern
from gateway.naming.tables import PseudonymsTable, SourceTable, check_source, refuse_shared
from gateway.settings import GatewaySettings

_OLD_NAME: Final = (
    "[[link.*]] is called [[input.*]] now, [[link.token]] and [[link.hook]] are [[input.http.token]] and "
    "[[input.http.hook]] under an [[input.http]]; docs/gateway.md has all of them"
)


class _Inputs(Table):
    """All `[[input.*]]` tables; `INPUTS` says which there are."""

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, given: object) -> object:
        for kind, tables in given.items() if isinstance(given, Mapping) else ():
            if kind in INPUTS and isinstance(tables, Mapping):
                raise ValueError(f"write [[input.{kind}]], in double brackets: there may be several")
        return given

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [table.name for table in self.tables()]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two inputs are called {twice!r}")
        return self

    def tables(self) -> Iterator[InputTable]:
        """Give all of them, by kind."""
        for kind in INPUTS:
            yield from getattr(self, kind)


_rows: Final[dict[str, Any]] = {kind: (tuple[row.table, ...], ()) for kind, row in INPUTS.items()}  # type: ignore[name-defined]
Inputs: Final[type[_Inputs]] = create_model("Inputs", __base__=_Inputs, **_rows)


class GatewayFile(Table):
    """The whole file."""

    input: Inputs = Inputs()  # type: ignore[valid-type]
    sources: dict[str, SourceTable] = Field(default_factory=dict)
    mappings: dict[str, JsonMapping] = Field(default_factory=dict)
    pseudonyms: PseudonymsTable | None = None

    @model_validator(mode="after")
    def _sound(self) -> Self:
        for key, table in self.sources.items():
            try:
                check_source(key, table)
            except ValueError as error:
                raise ValueError(f'sources."{key}": {error}') from None
        refuse_shared(self.sources)
        refuse_unknown_mappings(self.tables(), self.mappings)
        return self

    def tables(self) -> list[InputTable]:
        """Give the tables of all inputs."""
        inputs: _Inputs = self.input
        return list(inputs.tables())


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What a file says, ready for use.

    Attributes:
        inputs: The tables of its inputs.
        naming: What the city calls what they bring.
        folder: Where the file stands, or would.
    """

    inputs: list[InputTable]
    naming: Naming
    folder: Path

    def complete(self, settings: GatewaySettings, data: Path) -> list[InputTable]:
        """Give all inputs that are to be opened: those of the file, and what the settings add.

        Without an `[[input.http]]` there is one as the settings say. A gateway whose last `[[input.mqtt]]` on the
        city's own broker is gone takes its topics back there.
        """
        of_settings = {
            "host": settings.http_host,
            "port": settings.http_port,
            "body_bytes": settings.http_body_bytes,
            "max_concurrent": settings.http_max_concurrent,
            "allowed_hosts": settings.http_allowed_hosts,
            "trusted_proxies": settings.http_trusted_proxies,
        }
        found = self.inputs
        if not any(isinstance(table, HttpTable) for table in found):
            found = [HttpTable(), *found]
        memory = memory_of(MqttTable().name, data / settings.spool)
        if not any(isinstance(table, MqttTable) for table in found) and remembered(memory):
            found = [*found, MqttTable()]
        return [
            table.model_copy(update={key: of_settings[key] for key in of_settings.keys() - table.model_fields_set})
            if isinstance(table, HttpTable)
            else table
            for table in found
        ]


def names_file(settings: GatewaySettings, data: Path) -> Path:
    """Name the file, beside the spool, of the ids that devices keep since an upgrade."""
    spool = data / settings.spool
    return spool.with_name(f"{spool.name}.names")


def find_config(settings: GatewaySettings, data: Path) -> GatewayConfig:
    """Read the file that the settings name, in the data folder; an empty one where none is asked for and none is there.

    Raises:
        ConfigurationError: The file is wrong, or a setting names one that isn't there.
    """
    file = data / settings.config_file
    if "config_file" in settings.model_fields_set or file.exists():
        return load_config(file)
    return GatewayConfig([], Naming(), file.parent)


def load_config(file: Path) -> GatewayConfig:
    """Read and check a file.

    Raises:
        ConfigurationError: One sentence that names the file and the key.
    """
    given = read_toml(file)
    if "link" in given:
        raise ConfigurationError(f"{file}: {_OLD_NAME}")
    whole = parse_table(GatewayFile, given, str(file))
    return GatewayConfig(whole.tables(), _naming(whole, file), file.parent)


def _naming(whole: GatewayFile, file: Path) -> Naming:
    devices = {key: table.rule() for key, table in whole.sources.items() if "/" not in key}
    ways = tuple((pattern(key), table.rule()) for key, table in whole.sources.items() if "/" in key)
    try:
        pseudonyms = None if whole.pseudonyms is None else whole.pseudonyms.load(file.parent)
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error}") from None
    return Naming(devices, ways, whole.mappings, pseudonyms)

"""The list of what the gateway understands, made of the frames under tests/gateway/cases: SUPPORTED.md.

`python tests/support/supported.py > SUPPORTED.md` writes it; a test compares the two.
"""

import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

from gateway.decoders import DECODERS  # noqa: E402
from gateway.decoders.lorawan.codecs import CODECS  # noqa: E402
from gateway.inputs import INPUTS  # noqa: E402
from support.cases import CODEC, Case, folders, load  # noqa: E402

_HEAD: Final = """\
# What the gateway understands

A protocol or a device is on this list exactly when a frame of it is among the tests: every row below is decoded, and
compared with what it must say, each time the tests run. What is not here is not supported; bytes that nobody
understands are kept in quarantine, and can be tried again when a decoder was added
([tests/gateway/cases](tests/gateway/cases/README.md)).

<!-- Made by `python tests/support/supported.py > SUPPORTED.md`; a test compares the two. -->
"""

_INPUTS_FOOT: Final = """
The HTTP, MQTT, poll and folder inputs take any protocol below, by the name of its decoder. Modbus devices need no
decoder: the settings of the input say what their registers mean.
"""

_DEVICES_HEAD: Final = """
## LoRaWAN devices whose bytes are decoded here

For network servers that send only bytes; `codec` in `gateway.toml` names the codec. What a server has decoded itself is
read whatever the device.
"""


def page() -> str:
    """Write the whole page."""
    cases = [load(folder) for folder in folders()]
    of_family: dict[str, list[Case]] = {}
    for case in cases:
        of_family.setdefault(case.family, []).append(case)
    devices = sorted(row for name in CODECS for row in _devices(name, of_family.get(CODEC + name, [])))
    counts = f"{len(DECODERS)} protocols and {len(devices)} LoRaWAN devices, shown by {len(cases)} frames.\n"
    return "\n".join(
        [
            _HEAD,
            counts,
            "## How bytes arrive\n",
            "| input | what it does |\n|---|---|",
            *map(_input, INPUTS),
            _INPUTS_FOOT,
            "## Protocols\n",
            "| decoder | what it reads | frames | shown by |\n|---|---|---|---|",
            *(_protocol(name, of_family.get(name, [])) for name in DECODERS),
            _DEVICES_HEAD,
            "| device | codec | frames | shown by |\n|---|---|---|---|",
            *devices,
            "\n## Known, and not supported\n",
            "| what | instead |\n|---|---|",
            *_unsupported(),
            "",
        ]
    )


def _input(name: str) -> str:
    summary = _summary(f"gateway.inputs.{name}")
    what = summary.partition(": ")[2] if summary.startswith("The ") else summary
    return f"| `{name}` | {what[:1].upper()}{what[1:]} |"


def _protocol(name: str, rows: list[Case]) -> str:
    by_device = _by_device(rows)
    shown = "; ".join(f"{device}: {what}" if (what := _listed(theirs)) else device for device, theirs in by_device)
    return f"| `{name}` | {_summary(f'gateway.decoders.{name}')} | {len(rows)} | {shown} |"


def _devices(codec: str, rows: list[Case]) -> Iterator[str]:
    for device, theirs in _by_device(rows):
        yield f"| {device} | `{codec}` | {len(theirs)} | {_listed(theirs)} |"


def _by_device(rows: list[Case]) -> Iterable[tuple[str, list[Case]]]:
    """Group the frames that are understood by what stands before the colon: maker and model, or the message."""
    found: dict[str, list[Case]] = {}
    for case in rows:
        if case.error is None:
            found.setdefault(_shown(case)[0], []).append(case)
    return found.items()


def _shown(case: Case) -> tuple[str, str]:
    """Split what a case shows into maker and model, and what is special."""
    device, _, what = case.known.shows.partition(": ")
    return device or case.name.replace("-", " "), what


def _listed(rows: list[Case]) -> str:
    return ", ".join(dict.fromkeys(filter(None, (_shown(case)[1] for case in rows))))


def _summary(module: str) -> str:
    """Give the first sentence of a module's docstring."""
    return (import_module(module).__doc__ or "").splitlines()[0].rstrip(".")


def _unsupported() -> Iterator[str]:
    table = tomllib.loads(Path(__file__).with_name("unsupported.toml").read_text("utf-8"))
    for row in table["unsupported"]:
        yield f"| {row['what']} | {row['instead']} |"


if __name__ == "__main__":
    sys.stdout.write(page())

"""The page of all settings, made of the classes: `python -m korat.reference > docs/settings.md`."""

import inspect
import re
import sys
from collections.abc import Iterator
from typing import Final

from city.settings import CONFIG_VARIABLE, Settings, variable
from korat.settings import SECTIONS

_HEAD: Final = f"""\
# Settings

Each setting is an environment variable `KORAT_<TABLE>_<KEY>`, or a key in `korat.toml`; the variable wins. `korat.toml`
is read from the folder where the process was started, or from where `--config` or `{CONFIG_VARIABLE}` says. A variable,
table or key that no room knows, or a value that doesn't fit, is refused at the start with a sentence that names it,
and exit code 1. On Kubernetes set `enableServiceLinks: false`: a service named `korat` brings variables of its own.

```toml
province = "th-30"

[api]
port = 8000

[gateway]
spool_bytes = 2147483648
```

No password is ever printed or logged; in URLs, percent-encode what is neither a letter nor a digit.

<!-- Made by `python -m korat.reference > docs/settings.md`; a test compares the two. -->
"""

_TITLES: Final = {
    "": "The top of the file: what all rooms share",
    "mqtt": "The broker",
    "gateway": "A gateway",
    "ingest": "Ingest",
    "retention": "How long things are kept",
    "api": "The API",
    "simulators": "The simulated city",
    "init": "The set-up of servers by `korat init`",
}


def page() -> str:
    """Give the whole page as Markdown."""
    return "\n".join([_HEAD, *(line for cls in SECTIONS for line in _table(cls))])


def meanings(cls: type[Settings]) -> dict[str, str]:
    """Read the `Attributes:` of a class: key to meaning, on one line."""
    text = inspect.getdoc(cls) or ""
    _, _, listed = text.partition("Attributes:\n")
    found: dict[str, str] = {}
    key = ""
    for line in listed.splitlines():
        row = re.match(r"    (\w+): (.*)", line)
        if row:
            key = row[1]
            found[key] = row[2]
        elif line.startswith("        ") and key:
            found[key] += f" {line.strip()}"
        else:
            break
    return found


def _table(cls: type[Settings]) -> Iterator[str]:
    where = f" `[{cls.section}]`" if cls.section else ""
    yield f"## {_TITLES[cls.section]}{where}\n"
    yield "| variable | key | default | meaning |"
    yield "|---|---|---|---|"
    attributes = meanings(cls)
    for key, row in cls.model_fields.items():
        name = f"{cls.section}.{key}" if cls.section else key
        meaning = attributes[key].replace("|", "\\|")
        yield f"| `{variable(cls, key)}` | `{name}` | {_default(row.default)} | {meaning} |"
    yield ""


def _default(value: object) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return f"`{text}`" if text else "empty"


if __name__ == "__main__":
    sys.stdout.write(page())

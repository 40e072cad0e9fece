"""What Grafana does with a query before InfluxDB sees it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

ALL = ".*"
"""The custom "all" of the boards' variables; Grafana puts it in as it is."""


def filled(
    query: str, start_ns: int, end_ns: int, *, interval_s: int = 60, chosen: Mapping[str, Sequence[str]] | None = None
) -> str:
    """Put in what Grafana puts in: the time, the interval, and the reader's choice of each variable.

    The time's end is inclusive and in milliseconds there; a range without its last one is ours.
    """
    start_ms, end_ms = start_ns // 1_000_000, end_ns // 1_000_000 - 1
    values = chosen or {}
    text = query.replace("$timeFilter", f"time >= {start_ms}ms and time <= {end_ms}ms")
    text = text.replace("$__interval_ms", str(interval_s * 1000)).replace(
        "$__range_s", str((end_ns - start_ns) // 10**9)
    )
    text = re.sub(r"\$(?:__)?interval\b", f"{interval_s}s", text)
    return re.sub(r"\$\{(\w+)(?::(\w+))?\}", lambda match: _choice(values.get(match[1], ()), match[2]), text)


def panels_of(board: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the panels of a printed board that are no headings."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def _choice(values: Sequence[str], spelt: str | None) -> str:
    if not values:
        return ALL
    if spelt != "regex":
        return values[0]
    escaped = [re.sub(r"[\\^$*+?.()|[\]{}/]", lambda match: "\\" + match[0], value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"

"""Listing the instants of the file, a window at a time."""

from typing import Any, Final

import duckdb
import numpy as np

from city.store.port import Instants, InstantsQuery

_ROWS: Final = """
from point join series on series.id = point.series
where series.kind = $kind and ($device = '' or series.device = $device) and time >= $start and time < $end
"""
_COUNT: Final = f"select count(*) {_ROWS}"
_LIST: Final = f"select device, time, max(rx) {_ROWS} group by device, time"


def instants_of(connection: duckdb.DuckDBPyConnection, query: InstantsQuery) -> Instants:
    """Halve the window until it holds no more values than asked for, and list it."""
    window: dict[str, Any] = {"kind": query.kind, "device": query.device, "start": query.start_ns, "end": query.end_ns}
    while (width := window["end"] - query.start_ns) > 1:
        ((count,),) = connection.execute(_COUNT, window).fetchall()
        if count <= query.limit:
            break
        window["end"] = query.start_ns + width // 2
    device, time, rx = connection.execute(_LIST, window).fetchnumpy().values()
    names, index = np.unique(np.asarray(device, np.str_), return_inverse=True)
    return Instants(
        names.tolist(),
        index.astype(np.int32),
        np.asarray(time, np.int64),
        np.asarray(rx, np.int64),
        window["end"],
    )

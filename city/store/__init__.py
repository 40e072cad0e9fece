"""The store: a port, and an adapter for each database."""

from typing import Final

from city.errors import ConfigurationError
from city.store.port import Store

__all__ = ["SCHEMES", "Store", "open_store"]

SCHEMES: Final = ("duckdb", "influxdb", "influxdbs")
"""What a store's URL may begin with."""


async def open_store(url: str) -> Store:
    """Open the store that a URL names; drivers are imported only here, in the branch.

    Args:
        url: `duckdb:///path`, `influxdb://[user:password@]host:8086/database` or `influxdbs://...`.

    Raises:
        ConfigurationError: The URL names no store.
        Broken: The file is damaged or held by another process.
        StoreUnavailable: The server doesn't answer.
    """
    match url.split("://", 1)[0]:
        case "duckdb":
            from city.store.duckdb import open_duckdb  # noqa: PLC0415 - the driver is loaded only when used

            return await open_duckdb(url)
        case "influxdb" | "influxdbs":
            from city.store.influx import open_influx  # noqa: PLC0415 - the driver is loaded only when used

            return await open_influx(url)
        case scheme:
            raise ConfigurationError(
                f"store_url: no store speaks {scheme!r}; use duckdb:///path or influxdb://host:8086/name"
            )

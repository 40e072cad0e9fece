"""The embedded store: one DuckDB file, held by one process."""

from city.store.duckdb.store import DuckStore, open_duckdb

__all__ = ["DuckStore", "open_duckdb"]

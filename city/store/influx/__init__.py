"""The store for many processes: InfluxDB by line protocol and InfluxQL, the dialect that 1.6+, 2.5+ and 3.x share."""

from city.store.influx.store import InfluxStore, open_influx

__all__ = ["InfluxStore", "open_influx"]

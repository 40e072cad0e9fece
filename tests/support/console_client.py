"""The least that a console does to draw `console.json`: ask the API, aggregate devices into groups."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

import httpx2

Json = dict[str, Any]
Points = dict[tuple[str, str], float]
"""(group, RFC 3339 time or nothing) to value."""

_FAILED = 4
_ACROSS: dict[str, Callable[[list[float]], float]] = {
    "mean": fmean,
    "sum": sum,
    "min": min,
    "max": max,
    "count": lambda values: float(len(values)),
}
_OVER_BUCKETS: dict[str, Callable[[list[float]], float]] = {"sum": sum, "count": sum, "min": min, "max": max}
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
}


@dataclass
class Console:
    """Draws panels over one range.

    Attributes:
        client: Of the API.
        start: RFC 3339.
        end: RFC 3339.
        every_s: Width of buckets that the screen wants.
    """

    client: httpx2.AsyncClient
    start: str
    end: str
    every_s: int
    known: dict[str, Json] = field(default_factory=dict)

    async def draw(self, ask: Json) -> Points:
        """Give the numbers of one ask."""
        match ask["ask"]:
            case "newest":
                return self._grouped(ask, {(device, ""): value for device, value in (await self._newest(ask)).items()})
            case "buckets" | "whole":
                return self._grouped(ask, await self._aggregated(ask))
            case "account":
                return await self._account(ask)
            case "heard":
                return await self._heard(ask)
            case "kept":
                series = await self._readings(ask, every=ask["params"]["every"])
                return {(one["device"], ""): 100 * one["completeness"] for one in series if one["points"]}
            case other:
                raise AssertionError(f"no console knows {other}")

    async def learn(self) -> None:
        """Read the devices once."""
        for device in (await self._get("/v1/devices", {}))["devices"]:
            self.known[device["device"]] = device

    async def _newest(self, ask: Json) -> dict[str, float]:
        found = {}
        for feature in (await self._get(ask["route"], ask["params"]))["features"]:
            value = feature["properties"]["values"].get(ask["quantity"])
            if value is not None and value["flag"] < _FAILED and value["time"] >= self.start:
                found[feature["id"]] = value["value"]
        return found

    async def _aggregated(self, ask: Json) -> Points:
        every_s = ask.get("every_s") or max(self.every_s, ask.get("narrowest_s", 0))
        series = await self._readings(ask, every=f"{every_s}s", aggregate=ask["params"]["aggregate"])
        points = {(one["device"], at): value for one in series for at, value, _ in one["points"]}
        if ask["ask"] == "buckets":
            return points
        joined: defaultdict[str, list[float]] = defaultdict(list)
        for (device, _), value in points.items():
            joined[device].append(value)
        return {(device, ""): _OVER_BUCKETS[ask["params"]["aggregate"]](values) for device, values in joined.items()}

    async def _readings(self, ask: Json, **more: str) -> list[Json]:
        devices = [device for device, row in self.known.items() if row["kind"] == ask["kind"]]
        params = ask["params"] | more | {"device": devices, "start": self.start, "end": self.end, "limit": 50_000}
        answer = await self._get(ask["route"], params)
        series: list[Json] = answer["series"]
        return series

    def _grouped(self, ask: Json, points: Points) -> Points:
        if ask["group"] == "device":
            return points
        where = ask["where"]
        groups: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        for (device, at), value in points.items():
            if where is None or _SIGNS[where["sign"]](value, where["value"]):
                group = "" if ask["group"] == "all" else self.known[device][ask["group"]] or ""
                groups[group, at].append(value)
        return {key: _ACROSS[ask["across"]](values) for key, values in groups.items()}

    async def _account(self, ask: Json) -> Points:
        answer = await self._get(ask["route"], ask["params"] | {"start": self.start, "end": self.end})
        rows = [answer] if ask["params"]["by"] == "total" else answer["accounts"]
        if ask["figure"] == "difference":
            parts = ("stored", "duplicate", "quarantined", "rejected")
            (total,) = rows
            return {("", ""): float(total["received"] - sum(total[part] for part in parts))}
        # devices that publish themselves have no gateway; boards call it so
        names = [row.get("gateway", "") or ("direct" if "gateway" in row else "") for row in rows]
        return {(name, ""): float(row[ask["figure"]]) for name, row in zip(names, rows, strict=True)}

    async def _heard(self, ask: Json) -> Points:
        heard = {}
        for feature in (await self._get(ask["route"], ask["params"]))["features"]:
            heard[feature["id"], max(value["time"] for value in feature["properties"]["values"].values())] = 1.0
        return heard

    async def _get(self, route: str, params: Mapping[str, Any]) -> Json:
        answer = await self.client.get(route, params=dict(params))
        assert answer.status_code == 200, (route, params, answer.text)
        body: Json = answer.json()
        assert body.get("next") is None
        return body

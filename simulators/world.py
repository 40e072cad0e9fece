"""The simulated city: its devices, and what each of them reads at any instant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from city.batch import Batch, Floats, Rows, Times
from city.catalog import NAMED_KINDS, QUANTITIES
from city.reading import Reading
from simulators.calendar import CivilTime
from simulators.models import MODELS
from simulators.province import Province, Share, Spot, load_province
from simulators.randomness import Keys, key
from simulators.roads import Roads
from simulators.scene import Scene

_KM_PER_DEGREE: Final = 111.2
_POSITION_DECIMALS: Final = 6


@dataclass(frozen=True, slots=True)
class Device:
    """One simulated device; `lat` and `lon` are where it stands, or its home if it moves."""

    id: str
    kind: str
    district: str
    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class _Crew:
    """The devices of one kind as columns."""

    ids: list[str]
    keys: Keys
    areas: Keys
    riders: Keys
    road: NDArray[np.int64]
    lat: Floats
    lon: Floats
    gauge: Floats


class World:
    """A seeded city in one province. Values depend on seed, device and instant alone: not on the order of asking.

    A device keeps its id, place and values when the number of devices grows.

    Attributes:
        province: The province's profile.
        devices: All devices, kind by kind in the catalog's order.
        interval_s: Seconds between two readings of a device, by kind.

    Args:
        province: A profile, or the ISO 3166-2 code of one that is shipped.
        seed: Chooses the city.
        devices: How many devices there are, of all kinds together.
        interval_s: Seconds between two readings, by kind; the catalog's cadence for a kind that it lacks.

    Raises:
        ConfigurationError: There is no such province, or its file is wrong.
    """

    def __init__(
        self, province: Province | str, seed: int, devices: int = 300, *, interval_s: Mapping[str, float] | None = None
    ) -> None:
        self.province = load_province(province) if isinstance(province, str) else province
        self.interval_s = {kind: float(row.cadence_s) for kind, row in NAMED_KINDS.items()} | dict(interval_s or {})
        self.devices: list[Device] = []
        self._seed = seed
        self._whole = np.array([key(seed, self.province.code)], np.uint64)
        self._roads = Roads(self.province.roads)
        self._crews = {kind: self._recruit(kind, n) for kind, n in _allot(self.province.kinds, devices).items()}
        self._rows = {device: (kind, row) for kind, crew in self._crews.items() for row, device in enumerate(crew.ids)}

    def ids(self, kind: str) -> list[str]:
        """List the devices of a kind in the order in which `batch` counts them."""
        return self._crews[kind].ids

    @property
    def kinds(self) -> list[str]:
        """The kinds that have a device."""
        return [kind for kind, crew in self._crews.items() if crew.ids]

    def batch(self, kind: str, rows: Rows, time_ns: Times) -> Batch:
        """Read devices of one kind, each at its own instant.

        Args:
            kind: Key of the kind.
            rows: (n,) positions in `ids(kind)`.
            time_ns: (n,) instants, nanoseconds UTC.
        """
        crew = self._crews[kind]
        scene = Scene(
            province=self.province,
            roads=self._roads,
            whole=self._whole,
            keys=crew.keys[rows],
            areas=crew.areas[rows],
            riders=crew.riders[rows],
            road=crew.road[rows],
            lat=crew.lat[rows],
            lon=crew.lon[rows],
            gauge=crew.gauge[rows],
            when=CivilTime.at(time_ns, self.province.offset_s),
            interval_s=self.interval_s[kind],
        )
        measured = MODELS[kind](scene)
        return Batch(
            kind=kind,
            devices=crew.ids,
            index=rows,
            time_ns=time_ns,
            values={q: _rounded(column, QUANTITIES[q].decimals) for q, column in measured.values.items()},
            lat=_rounded(scene.lat if measured.lat is None else measured.lat, _POSITION_DECIMALS),
            lon=_rounded(scene.lon if measured.lon is None else measured.lon, _POSITION_DECIMALS),
        )

    def readings(self, time_ns: int, devices: Sequence[str] | None = None) -> list[Reading]:
        """Read some devices, or all of them, at one instant (nanoseconds UTC).

        Raises:
            KeyError: There is no such device.
        """
        wanted = self._rows if devices is None else devices
        by_kind: dict[str, list[int]] = {}
        for device in wanted:
            kind, row = self._rows[device]
            by_kind.setdefault(kind, []).append(row)
        return [
            reading
            for kind, rows in by_kind.items()
            for reading in self.batch(kind, np.array(rows, np.int32), np.full(len(rows), time_ns, np.int64)).readings()
        ]

    def _recruit(self, kind: str, count: int) -> _Crew:
        spots = self.province.spots(kind)
        tickets = np.cumsum([spot.weight for spot in spots])
        roads = [n for n, road in enumerate(self.province.roads) if kind in _rides(kind, road.carries)]
        crew: list[tuple[Device, Spot, int, int, int]] = []
        for number in range(1, count + 1):
            name = f"{self.province.code}-{kind.replace('_', '-')}-{number:04d}"
            # a load travels with the vehicle of the same number, whether that one is simulated or not
            ride = name.replace("-cargo-", "-vehicle-")
            spot = spots[int(np.searchsorted(tickets, self._draw(name, "spot") * tickets[-1], side="right"))]
            road = roads[int(self._draw(ride, "road") * len(roads))] if roads else 0
            north = (2 * self._draw(name, "north") - 1) * spot.radius_km / _KM_PER_DEGREE
            east = (2 * self._draw(name, "east") - 1) * spot.radius_km / _KM_PER_DEGREE
            device = Device(name, kind, spot.district, round(spot.lat + north, 6), round(spot.lon + east, 6))
            crew.append((device, spot, road, key(self._seed, name), key(self._seed, ride)))
        self.devices += [member[0] for member in crew]
        return _Crew(
            ids=[member[0].id for member in crew],
            keys=np.array([member[3] for member in crew], np.uint64),
            areas=np.array([key(self._seed, self.province.code, member[0].district) for member in crew], np.uint64),
            riders=np.array([member[4] for member in crew], np.uint64),
            road=np.array([member[2] for member in crew], np.int64),
            lat=np.array([member[0].lat for member in crew], np.float64),
            lon=np.array([member[0].lon for member in crew], np.float64),
            gauge=np.array([(m[1].bank, m[1].bed, m[1].flow) for m in crew], np.float64).reshape(-1, 3),
        )

    def _draw(self, name: str, what: str) -> float:
        return key(self._seed, name, what) / 2**64


def _rides(kind: str, carries: list[str]) -> list[str]:
    return ["cargo", *carries] if kind == "cargo" and "vehicle" in carries else carries


def _allot(shares: Mapping[str, Share], devices: int) -> dict[str, int]:
    """Divide devices by their kinds' shares (Sainte-Lague), one of each kind first; more devices only add to each."""
    counts = dict.fromkeys(NAMED_KINDS, 0)

    def claim(kind: str) -> tuple[bool, float]:
        return not counts[kind], shares[kind].share / (2 * counts[kind] + 1)

    for _ in range(devices):
        counts[max(counts, key=claim)] += 1
    return counts


def _rounded(column: Floats, decimals: int) -> Floats:
    rounded: Floats = np.round(column, decimals) + 0.0  # -0.0 becomes 0.0
    return rounded

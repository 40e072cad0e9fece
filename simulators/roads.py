"""Road polylines of a province, laid end to end on one axis so that one interpolation serves all vehicles."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from city.batch import Floats
from simulators.province import Road

EARTH_KM: Final = 6371.0088
"""Mean radius (IUGG)."""

_APART_KM: Final = 10_000.0  # between the starts of two roads on the common axis: more than any road is long


class Roads:
    """Polylines of (lat, lon).

    Attributes:
        length_km: (roads,) lengths.
        speed: (roads,) average speeds of a trip, km/h.
    """

    def __init__(self, roads: Sequence[Road]) -> None:
        axis, lats, lons, courses = [], [], [], []
        self.speed: Floats = np.array([road.speed for road in roads], np.float64)
        self.length_km: Floats = np.zeros(len(roads))
        for number, road in enumerate(roads):
            lat, lon = np.array(road.points, np.float64).T
            along = np.concatenate([[0.0], np.cumsum(distance_km(lat[:-1], lon[:-1], lat[1:], lon[1:]))])
            self.length_km[number] = along[-1]
            axis.append(along + number * _APART_KM)
            lats.append(lat)
            lons.append(lon)
            courses.append(np.append(bearing(lat[:-1], lon[:-1], lat[1:], lon[1:]), 0.0))
        self._axis, self._lat, self._lon = np.concatenate(axis), np.concatenate(lats), np.concatenate(lons)
        self._course = np.concatenate(courses)

    def at(self, road: NDArray[np.int64], along_km: Floats) -> tuple[Floats, Floats, Floats]:
        """Give latitude, longitude and course (deg, towards the road's end) at distances from each road's start."""
        x = road * _APART_KM + np.clip(along_km, 0.0, self.length_km[road] - 1e-6)
        segment = np.searchsorted(self._axis, x, side="right") - 1
        return np.interp(x, self._axis, self._lat), np.interp(x, self._axis, self._lon), self._course[segment]


def distance_km(lat1: Floats, lon1: Floats, lat2: Floats, lon2: Floats) -> Floats:
    """Give great-circle distances in km between points in degrees (haversine)."""
    a, b = np.radians(lat1), np.radians(lat2)
    half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(lon2 - lon1) / 2) ** 2
    distance: Floats = 2 * EARTH_KM * np.arcsin(np.sqrt(half))
    return distance


def bearing(lat1: Floats, lon1: Floats, lat2: Floats, lon2: Floats) -> Floats:
    """Give initial great-circle courses between points in degrees: 0 is north, 90 east."""
    a, b, turn = np.radians(lat1), np.radians(lat2), np.radians(lon2 - lon1)
    course = np.arctan2(np.sin(turn) * np.cos(b), np.cos(a) * np.sin(b) - np.sin(a) * np.cos(b) * np.cos(turn))
    degrees: Floats = np.degrees(course) % 360.0
    return degrees

"""How each kind of device behaves: one pure function of the scene each."""

from typing import Final

from simulators.models import air, counters, hub, ride, sky, street, water
from simulators.scene import Model

MODELS: Final[dict[str, Model]] = {
    "air_quality": air.air_quality,
    "weather": sky.weather,
    "water_level": water.water_level,
    "rain": water.rain,
    "traffic": street.traffic,
    "noise": street.sound,
    "parking": street.parking,
    "street_light": counters.street_light,
    "ev_charger": counters.ev_charger,
    "waste_bin": street.waste_bin,
    "energy_meter": counters.energy_meter,
    "crowd": street.crowd,
    "mapping_robot": ride.mapping_robot,
    "vehicle": ride.vehicle,
    "cargo": hub.cargo,
    "dock": hub.dock,
    "container": hub.container,
}

__all__ = ["MODELS"]

"""What moves by itself: vehicles and mapping robots."""

import numpy as np

from simulators.models.air import pm2_5
from simulators.models.journey import journey
from simulators.randomness import between, fixed
from simulators.scene import Measured, Scene

_CHARGE_H = 5.0


def vehicle(scene: Scene) -> Measured:
    """Simulate a lorry or van: position, speed and odometer of one trip, fuel that falls with the distance."""
    trip = journey(scene)
    tank_km = between(550.0, 900.0, fixed(scene.riders, "tank"))
    used = (trip.odometer / tank_km) % 1.0
    warming = np.nan_to_num(trip.stopped_h, nan=1.0) < 0.05  # the driver lets the engine run for three minutes
    return Measured(
        {
            "speed": trip.speed,
            "heading": trip.heading,
            "odometer": trip.odometer,
            "fuel_level": 97.0 - 84.0 * used,
            "ignition": (trip.driving | warming).astype(np.float64),
        },
        trip.lat,
        trip.lon,
    )


def mapping_robot(scene: Scene) -> Measured:
    """Simulate a robot on the footway: it measures dust, works until its battery is low and charges after the shift."""
    trip = journey(scene)
    drain = between(55.0, 80.0, fixed(scene.riders, "robot"))
    # a rest day begins full; after work it charges at an even rate
    rested = np.where(trip.shift >= 1.0, np.clip((scene.when.hour - 19.0) / _CHARGE_H, 0.0, 1.0), 0.0)
    return Measured(
        {
            "speed": trip.speed,
            "heading": trip.heading,
            "battery": 100.0 - drain * trip.shift * (1 - rested),
            "pm2_5": pm2_5(scene),
        },
        trip.lat,
        trip.lon,
    )

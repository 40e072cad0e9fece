"""The weather that all models share, and the weather stations."""

import numpy as np

from city.batch import Floats
from simulators.calendar import sunlight
from simulators.models.storm import burst
from simulators.randomness import between, fixed
from simulators.scene import Measured, Scene

_HOUR = 3600.0
_DAY = 86_400.0
_CLEAR_SKY = 1020.0  # W/m2 with the sun overhead


def temperature(scene: Scene) -> Floats:
    """Give the air's temperature in Cel: warmest at three in the afternoon, cooled by rain."""
    daily = scene.year("swing") * np.cos((scene.when.hour - 15.0) * np.pi / 12)
    spells = 1.8 * scene.shared(4 * _DAY, "warm-spell") + 0.3 * scene.individual(_HOUR / 2, "air")
    site = between(-0.8, 0.8, fixed(scene.keys, "warm-site"))
    cooled: Floats = 4.0 * burst(scene).after(scene.when.hour, 2.5)
    warm: Floats = scene.year("temperature") + daily + spells + site - cooled
    return warm


def humidity(scene: Scene) -> Floats:
    """Give the relative humidity in %: the warmer the hour, the drier."""
    daily = 3.2 * scene.year("swing") * np.cos((scene.when.hour - 15.0) * np.pi / 12)
    spells = 5.0 * scene.shared(3 * _DAY, "moist-spell") + 1.5 * scene.individual(_HOUR, "moist")
    wet = 14.0 * burst(scene).after(scene.when.hour, 3.0)
    moist: Floats = np.clip(scene.year("humidity") - daily + spells + wet, 15.0, 99.5)
    return moist


def wind(scene: Scene) -> tuple[Floats, Floats]:
    """Give speed in m/s and the direction it comes from in degrees: the monsoons, stronger by day and in storms."""
    by_day = 1.1 * scene.when.peak(14.5, 3.5)
    gusts = 0.6 * scene.shared(6 * _HOUR, "wind") + 0.4 * scene.individual(300.0, "gust")
    storm = 5.0 * np.sin(np.pi * burst(scene).phase(scene.when.hour)) * burst(scene).wet
    month = (scene.when.season * 12).astype(np.int64) % 12
    turn = 45.0 * scene.shared(8 * _HOUR, "veer") + 15.0 * scene.individual(600.0, "veer")
    return np.maximum(1.3 + by_day + gusts + storm, 0.0), (scene.province.year["wind_from"][month] + turn) % 360.0


def radiation(scene: Scene) -> Floats:
    """Give the global solar radiation in W/m2, less under clouds and hardly any under a storm."""
    cloud = 0.35 + 0.25 * scene.shared(5 * _HOUR, "cloud") + 0.2 * scene.individual(0.4 * _HOUR, "cloud")
    veil = np.clip(0.75 * cloud + 0.7 * burst(scene).after(scene.when.hour, 0.7), 0.0, 0.92)
    shine: Floats = _CLEAR_SKY * sunlight(scene.when, scene.lat, scene.lon) ** 1.15 * (1 - veil)
    return shine


def weather(scene: Scene) -> Measured:
    """Simulate a weather station."""
    speed, direction = wind(scene)
    tide = 1.4 * np.cos((scene.when.hour - 10.0) * np.pi / 6)  # the atmosphere's half-daily tide: high at 10 and 22
    return Measured(
        {
            "temperature": temperature(scene),
            "humidity": humidity(scene),
            "pressure": scene.year("pressure") + tide + 1.5 * scene.shared(3 * _DAY, "pressure"),
            "wind_speed": speed,
            "wind_direction": direction,
            "solar_radiation": radiation(scene),
            "rain_rate": burst(scene).rate(scene.when.hour),
        }
    )

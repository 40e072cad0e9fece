"""Air quality: one field of fine dust over the province, and stations in it."""

import numpy as np

from city.batch import Floats
from simulators.calendar import sunlight
from simulators.models import sky
from simulators.models.storm import burst
from simulators.models.street import rush
from simulators.randomness import between, fixed
from simulators.scene import Measured, Scene

_HOUR = 3600.0
_DAY = 86_400.0


def pm2_5(scene: Scene) -> Floats:
    """Give fine dust in ug/m3: the season's level, peaks with the morning and evening traffic, washed out by rain."""
    when = scene.when
    # still air in the morning and evening keeps the dust down; the afternoon's sun lifts it away
    daily = 0.86 + 0.32 * when.peak(7.5, 1.6) + 0.28 * when.peak(20.0, 2.2) - 0.16 * when.peak(14.5, 2.5)
    spells = np.exp(0.35 * scene.shared(3 * _DAY, "haze") + 0.12 * scene.shared(7 * _HOUR, "haze-hours"))
    site = np.exp(between(-0.18, 0.22, fixed(scene.keys, "dust-site")) + 0.08 * scene.individual(0.5 * _HOUR, "dust"))
    washed = 1 - 0.45 * burst(scene).after(when.hour, 4.0)
    dust: Floats = scene.year("pm2_5") * daily * spells * site * washed
    return dust


def air_quality(scene: Scene) -> Measured:
    """Simulate an air quality station."""
    dust = pm2_5(scene)
    fumes = rush(scene.when) * between(0.6, 1.4, fixed(scene.keys, "fumes"))
    speed, direction = sky.wind(scene)
    sun = sunlight(scene.when, scene.lat, scene.lon)
    coarse = 1.45 + 0.2 * scene.individual(2 * _HOUR, "coarse")
    no2 = 5.0 + 18.0 * fumes + 2.0 * scene.individual(_HOUR, "no2")
    return Measured(
        {
            "pm2_5": dust,
            "pm10": dust * coarse + 6.0,
            # the sun makes ozone and traffic's nitric oxide eats it
            "o3": np.maximum(9.0 + 42.0 * sun - 6.0 * fumes + 5.0 * scene.shared(_DAY, "o3"), 0.5),
            "co": np.maximum(0.25 + 0.7 * fumes + dust / 120.0 + 0.05 * scene.individual(_HOUR, "co"), 0.05),
            "no2": np.maximum(no2, 0.5),
            "so2": np.maximum(1.6 + 0.9 * scene.individual(3 * _HOUR, "so2") + 0.6 * fumes, 0.1),
            "temperature": sky.temperature(scene),
            "humidity": sky.humidity(scene),
            "wind_speed": speed,
            "wind_direction": direction,
        }
    )

"""Decentlab's devices for weather, air, rooms and light: their groups, from the data sheets.

Units: m/s, degrees, Cel, %, W/m2, mm, hPa as named; barometers Pa or kPa; PM ug/m3; gases ppm and ppb.
"""

import math
from collections.abc import Mapping
from typing import Final

from gateway.decoders.fields import Meaning
from gateway.decoders.lorawan.codecs.decentlab_model import (
    BATTERY,
    ZERO,
    Model,
    Words,
    double,
    group,
    linear,
    plain,
    signed,
)

_SHT21: Final = group(
    2,
    air_temperature=lambda x: 175.72 * x[0] / 65536 - 46.85,
    air_humidity=lambda x: 125 * x[1] / 65536 - 6,
)
_SHT31: Final = group(
    2,
    air_temperature=lambda x: 175 * x[0] / 65535 - 45,
    air_humidity=lambda x: 100 * x[1] / 65535,
)
_BAROMETER: Final = group(1, barometric_pressure=lambda x: x[0] * 2)
_PYRANOMETER: Final = 15_000 / 32_768
_SURFACE: Final = group(
    6,
    surface_temperature=signed(0, 100),
    air_temperature=signed(1, 100),
    air_humidity=signed(2, 100),
    dew_point=signed(3, 100),
    angle=signed(4),
    sensor_temperature=signed(5, 100),
)


def _albedo(x: Words) -> float:
    """Share that is reflected; none in the dark."""
    incoming, reflected = x[0] - ZERO, x[1] - ZERO
    return reflected / incoming if incoming > 0 else math.nan


def _lux(x: Words) -> float:
    """Illuminance of the TSL2591: two channels, visible with infrared and infrared alone."""
    return max(x[0] - 1.64 * x[1], 0.59 * x[0] - 0.86 * x[1], 0) * 1.5504


AIR: Final[Mapping[str, Model]] = {
    "dl-alb": Model(
        "weather",
        (
            group(
                2,
                incoming_radiation=signed(0, 10),
                reflected_radiation=signed(1, 10),
                albedo=_albedo,
            ),
            BATTERY,
        ),
    ),
    "dl-atm22": Model(
        "weather",
        (
            group(
                8,
                wind_speed=signed(0, 100),
                wind_direction=signed(1, 10),
                maximum_wind_speed=signed(2, 100),
                air_temperature=signed(3, 10),
                x_orientation_angle=signed(4, 10),
                y_orientation_angle=signed(5, 10),
                north_wind_speed=signed(6, 100),
                east_wind_speed=signed(7, 100),
            ),
            BATTERY,
        ),
    ),
    "dl-atm41": Model(
        "weather",
        (
            group(
                17,
                solar_radiation=signed(0),
                precipitation=signed(1, 1000),
                lightning_strike_count=signed(2),
                lightning_average_distance=signed(3),
                wind_speed=signed(4, 100),
                wind_direction=signed(5, 10),
                maximum_wind_speed=signed(6, 100),
                air_temperature=signed(7, 10),
                vapor_pressure=signed(8, 100),
                atmospheric_pressure=signed(9, 100),
                relative_humidity=signed(10, 10),
                sensor_temperature_internal=signed(11, 10),
                x_orientation_angle=signed(12, 10),
                y_orientation_angle=signed(13, 10),
                compass_heading=signed(14),
                north_wind_speed=signed(15, 100),
                east_wind_speed=signed(16, 100),
            ),
            BATTERY,
        ),
    ),
    "dl-atm41g2": Model(
        "weather",
        (
            group(
                17,
                solar_radiation=signed(0, 10),
                precipitation=plain(1, 1000),
                lightning_strike_count=signed(2),
                lightning_average_distance=signed(3),
                wind_speed=signed(4, 100),
                wind_direction=signed(5, 10),
                maximum_wind_speed=signed(6, 100),
                air_temperature=signed(7, 10),
                vapor_pressure=signed(8, 100),
                barometric_pressure=signed(9, 100),
                relative_humidity=signed(10, 10),
                internal_temperature=signed(11, 10),
                tilt_angle_x_orientation=signed(12, 10),
                tilt_angle_y_orientation=signed(13, 10),
                precipitation_electrical_conductivity=signed(14),
                cumulative_precipitation=double(15, 1000),
            ),
            BATTERY,
        ),
        names={"barometric_pressure": Meaning("pressure", "kPa")},
    ),
    "dl-blg": Model("weather", (None, BATTERY)),
    "dl-cws": Model("weather", (_SURFACE, BATTERY)),
    "dl-cws2": Model(
        "weather",
        (
            group(
                2,
                air_temperature_radiation_shield=lambda x: 175 * x[0] / 65535 - 45,
                air_humidity_radiation_shield=lambda x: 100 * x[1] / 65535,
            ),
            _SURFACE,
            BATTERY,
        ),
    ),
    "dl-ds18": Model("weather", (group(1, temperature=signed(0, 16)), BATTERY), dallas=frozenset({"temperature"})),
    "dl-gmm": Model("weather", (None, BATTERY)),
    "dl-iam": Model(
        "air_quality",
        (
            BATTERY,
            _SHT31,
            _BAROMETER,
            group(2, ambient_light_visible_infrared=plain(0), ambient_light_infrared=plain(1), illuminance=_lux),
            group(3, co2_concentration=signed(0), co2_sensor_status=plain(1), raw_ir_reading=plain(2)),
            group(1, activity_counter=plain(0)),
            group(1, total_voc=plain(0)),
        ),
    ),
    "dl-itst": Model(
        "weather",
        (group(2, temperature_target=linear(0, 10, -100), temperature_head=linear(1, 10, -100)), BATTERY),
        names={"temperature_target": Meaning("surface_temperature", "Cel")},
    ),
    "dl-lp8p": Model(
        "air_quality",
        (
            _SHT21,
            group(2, barometer_temperature=lambda x: (x[0] - 5000) / 100, barometric_pressure=lambda x: x[1] * 2),
            group(
                8,
                co2_concentration=signed(0),
                co2_concentration_lpf=signed(1),
                co2_sensor_temperature=signed(2, 100),
                capacitor_voltage_1=plain(3, 1000),
                capacitor_voltage_2=plain(4, 1000),
                co2_sensor_status=plain(5),
                raw_ir_reading=plain(6),
                raw_ir_reading_lpf=plain(7),
            ),
            BATTERY,
        ),
    ),
    "dl-par": Model(
        "weather",
        (group(1, photosynthetically_active_radiation=signed(0, 1 / _PYRANOMETER)), BATTERY),
    ),
    "dl-pm": Model(
        "air_quality",
        (
            BATTERY,
            group(
                10,
                pm1_mass_concentration=plain(0, 10),
                pm2_5_mass_concentration=plain(1, 10),
                pm4_mass_concentration=plain(2, 10),
                pm10_mass_concentration=plain(3, 10),
                typical_particle_size=plain(4),
                pm0_5_number_concentration=plain(5, 10),
                pm1_number_concentration=plain(6, 10),
                pm2_5_number_concentration=plain(7, 10),
                pm4_number_concentration=plain(8, 10),
                pm10_number_concentration=plain(9, 10),
            ),
            _SHT21,
            _BAROMETER,
        ),
    ),
    "dl-pyr": Model("weather", (group(1, total_solar_radiation=signed(0, 1 / _PYRANOMETER)), BATTERY)),
    "dl-rhc": Model(
        "weather",
        (group(4, sensor_id=double(0), air_humidity=plain(2, 100), air_temperature=signed(3, 100)), BATTERY),
    ),
    "dl-tbrg": Model(
        "rain",
        (
            # tenths of a millimetre a tip; the pieces with other buckets say so on their label
            group(
                4,
                precipitation=plain(0, 10),
                precipitation_interval=plain(1),
                cumulative_precipitation=double(2, 10),
            ),
            BATTERY,
        ),
    ),
}

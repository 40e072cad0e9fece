"""Decentlab's devices for water, soil, plants and signals: their groups, from the data sheets.

Units: distances mm, sizes mm, dendrometers um, Cel, bar, mA, V; turbidity NTU and FNU; conductivity as the maker's name
says. Where a range belongs to the piece, the one of the maker's example stands here: pressure from -1 to 10 bar
(DL-PR21) and 0 to 1 bar (DL-PR26), gauge factor 2.02 (DL-DLR2-012), 20 mm (DL-ZN1, DL-ZN2).
"""

from collections.abc import Mapping
from typing import Final

from gateway.decoders.fields import Meaning
from gateway.decoders.lorawan.codecs.decentlab_model import (
    BATTERY,
    Formula,
    Group,
    Model,
    Words,
    bridge,
    double,
    group,
    linear,
    plain,
    signed,
)

_UM: Final = 20_000
_STRAIN: Final = 4 / 64 / 2.02 * 1e6
_NO_PROBE: Final = frozenset({-327.68})
_NO_MOISTURE: Final = frozenset({-5.0})
_WATER_TEMPERATURE: Final = {"temperature": Meaning("water_temperature", "Cel")}
_IN_WATER: Final = _WATER_TEMPERATURE | {
    "pressure": Meaning("water_pressure"),
    "temperature_pt1000": Meaning("water_temperature", "Cel"),
}


def _bar(lowest: float, highest: float) -> Formula:
    """Keller's pressure: 16384 at the lowest, 49152 at the highest."""
    return lambda x: (x[0] - 16384) / 32768 * (highest - lowest) + lowest


def _keller(lowest: float, highest: float) -> Group:
    return group(2, pressure=_bar(lowest, highest), temperature=lambda x: (x[1] - 384) / 320 - 50)


def _pulses(prefix: str = "") -> Group:
    names = (f"{prefix}pulse_count", f"{prefix}pulse_interval", f"{prefix}cumulative_pulse_count")
    return group(4, **dict(zip(names, (plain(0), plain(1), double(2)), strict=True)))


def _permittivity(x: Words) -> float:
    """Meter's equation for TEROS 11 and 12."""
    raw = x[0] / 10
    return float((2.887e-9 * raw**3 - 2.08e-5 * raw**2 + 5.276e-2 * raw - 43.39) ** 2)


def _topp(x: Words) -> float:
    """Water content by Topp's equation (1980)."""
    raw = x[0] / 50
    return float(4.3e-6 * raw**3 - 5.5e-4 * raw**2 + 2.92e-2 * raw - 5.3e-2)


_TEROS: Final[Mapping[str, Formula]] = {
    "dielectric_permittivity": _permittivity,
    "volumetric_water_content": lambda x: x[0] / 10 * 3.879e-4 - 0.6956,
    "soil_temperature": signed(1, 10),
}
_DEPTHS: Final = range(8)
_LEVELS: Final = range(16)

GROUND: Final[Mapping[str, Model]] = {
    # water
    "dl-ctd10": Model("water_level", (None, BATTERY)),
    "dl-ctd10b": Model("water_level", (None, BATTERY)),
    "dl-lid": Model(
        "water_level",
        (
            group(
                11,
                distance_average=plain(0),
                distance_minimum=plain(1),
                distance_maximum=plain(2),
                distance_median=plain(3),
                distance_10th_percentile=plain(4),
                distance_25th_percentile=plain(5),
                distance_75th_percentile=plain(6),
                distance_90th_percentile=plain(7),
                distance_most_frequent_value=plain(8),
                number_of_samples=plain(9),
                total_acquisition_time=plain(10, 1.024),
            ),
            BATTERY,
        ),
    ),
    "dl-mbx": Model("water_level", (group(2, distance=plain(0), number_of_valid_samples=plain(1)), BATTERY)),
    "dl-mes5": Model(
        "water_level",
        (
            group(
                5,
                status=plain(0),
                temperature=signed(1, 100),
                sludge_blanket=plain(2, 100),
                suspended_solid=plain(3, 100),
                turbidity=plain(4, 10),
            ),
            BATTERY,
        ),
        names=_IN_WATER,
    ),
    "dl-ntu": Model(
        "water_level",
        (
            group(
                5,
                status=plain(0),
                temperature=signed(1, 100),
                turbidity_in_ntu=plain(2, 10),
                turbidity_in_fnu=plain(3, 10),
                turbidity_in_mg_l=plain(4, 10),
            ),
            BATTERY,
        ),
        names=_IN_WATER,
    ),
    "dl-optod": Model(
        "water_level",
        (
            group(
                5,
                status=plain(0),
                temperature=signed(1, 100),
                oxygen_saturation=signed(2, 100),
                oxygen_concentration=signed(3, 100),
                oxygen_concentration_alt=signed(4, 100),
            ),
            BATTERY,
        ),
        names=_IN_WATER,
    ),
    "dl-pheht": Model("water_level", (None, BATTERY)),
    "dl-pr21": Model("water_level", (_keller(-1, 10), BATTERY), _IN_WATER),
    "dl-pr26": Model("water_level", (_keller(0, 1), BATTERY), _IN_WATER),
    "dl-pr36": Model("water_level", (None, BATTERY)),
    "dl-pr36ctd": Model(
        "water_level",
        (
            group(
                4,
                pressure=signed(0, 8192),
                temperature_electronics=signed(1, 256),
                temperature_pt1000=signed(2, 256),
                electrical_conductivity=signed(3, 1024),
            ),
            BATTERY,
        ),
        names=_IN_WATER,
    ),
    "dl-rad": Model(
        "water_level",
        (
            group(4, distance=plain(0), temperature=signed(1, 100), reliability=signed(2, 100), status=plain(3)),
            BATTERY,
        ),
    ),
    "dl-wrm": Model("water_level", (None, None, BATTERY)),
    # soil
    "dl-5tm": Model(
        "weather",
        (
            group(
                2,
                dielectric_permittivity=plain(0, 50),
                volumetric_water_content=_topp,
                soil_temperature=linear(1, 10, -40),
            ),
            BATTERY,
        ),
    ),
    "dl-sdd": Model("weather", (None, None, BATTERY)),
    "dl-smtp": Model(
        "weather",
        (
            group(
                16,
                **{f"soil_moisture_at_depth_{n}": linear(2 * n, 500, -5) for n in _DEPTHS},
                **{f"soil_temperature_at_depth_{n}": signed(2 * n + 1, 100) for n in _DEPTHS},
            ),
            BATTERY,
        ),
        absent={f"soil_temperature_at_depth_{n}": _NO_PROBE for n in _DEPTHS}
        | {f"soil_moisture_at_depth_{n}": _NO_MOISTURE for n in _DEPTHS},
    ),
    "dl-tp": Model(
        "weather",
        (group(16, **{f"temperature_at_level_{n}": signed(n, 100) for n in _LEVELS}), BATTERY),
        absent={f"temperature_at_level_{n}": _NO_PROBE for n in _LEVELS},
    ),
    "dl-trs11": Model("weather", (group(2, **_TEROS), BATTERY)),
    "dl-trs12": Model("weather", (group(3, **_TEROS, electrical_conductivity=plain(2)), BATTERY)),
    "dl-trs21": Model("weather", (group(2, water_potential=plain(0, -10), soil_temperature=signed(1, 10)), BATTERY)),
    # plants
    "dl-ifd": Model("weather", (group(1, fruit_size=plain(0, 100)), BATTERY)),
    "dl-ilt": Model("weather", (group(1, leaf_temperature=signed(0, 100)), BATTERY)),
    "dl-isd": Model("weather", (group(1, stem_size=plain(0, 1000)), BATTERY)),
    "dl-isf": Model("weather", (None, BATTERY)),
    "dl-lpw": Model("weather", (group(2, potentiometer_position=bridge(0, 100)), BATTERY)),
    "dl-lws": Model("weather", (group(2, leaf_wetness_index=bridge(0)), BATTERY)),
    "dl-zn1": Model("weather", (group(2, dendrometer_position=bridge(0, _UM)), BATTERY)),
    "dl-zn2": Model(
        "weather",
        (
            group(
                4,
                dendrometer_a_position=bridge(0, _UM),
                dendrometer_b_position=lambda x: bridge(0, _UM)(x) - bridge(2, _UM)(x),
            ),
            BATTERY,
        ),
    ),
    # signals
    "dl-dlr2-002": Model("energy_meter", (_pulses(), BATTERY)),
    "dl-dlr2-003": Model("energy_meter", (group(1, input=plain(0)), BATTERY)),
    "dl-dlr2-004": Model("energy_meter", (group(1, current=signed(0, 32768 / 150)), BATTERY)),
    "dl-dlr2-005": Model("energy_meter", (group(2, voltage=bridge(0, 3)), BATTERY)),
    "dl-dlr2-006": Model("energy_meter", (group(2, potentiometer_position=bridge(0)), BATTERY)),
    "dl-dlr2-008": Model("weather", (None, BATTERY)),
    "dl-dlr2-009": Model("weather", (None, BATTERY)),
    "dl-dlr2-010": Model("energy_meter", (_pulses("ch0_"), _pulses("ch1_"), BATTERY)),
    "dl-dlr2-011": Model("energy_meter", (group(1, ch0_input=plain(0)), group(1, ch1_input=plain(0)), BATTERY)),
    "dl-dlr2-012": Model("weather", (group(2, strain_gauge=bridge(0, _STRAIN)), BATTERY)),
    "dl-dws": Model("weather", (None, BATTERY)),
    "dl-kl66": Model("weather", (None, BATTERY)),
}

"""Dragino's input boxes: the LSN50 family and the LT-22222-L (the maker's user manuals)."""

from collections.abc import Callable, Mapping
from functools import partial
from struct import Struct
from types import MappingProxyType
from typing import Final

from gateway.decoders.fields import NOTHING, NUMBER, Meaning, Names
from gateway.decoders.lorawan.codecs.codec import Codec, need, refusal

_MEASUREMENTS: Final = 2
"""Dragino's port of measurements."""

_LSN50: Final = Struct(">HhHB")
_UNSIGNED: Final = Struct(">HH")
_SIGNED: Final = Struct(">hh")
_ANALOG: Final = Struct(">hhhh")
_COUNTS: Final = Struct(">II")
_COUNT_AND_CURRENTS: Final = Struct(">Ihh")
_ANALOG_AND_COUNT: Final = Struct(">hhhH")

NAMES: Final[Names] = MappingProxyType(
    {
        "BatV": Meaning("battery_voltage"),
        "TempC1": Meaning("probe_temperature"),
        "TempC2": Meaning("probe_temperature_2"),
        "TempC3": Meaning("probe_temperature_3"),
        "TempC_SHT": Meaning("temperature"),
        "Hum_SHT": Meaning("humidity"),
        "Illum": Meaning("illuminance"),
        "Distance_cm": Meaning("distance", "cm"),
        "ADC_CH0V": Meaning("analog_voltage"),
        # of whatever contact is wired to the input, if any
        "Door_status": Meaning("contact_open"),
        "Count": Meaning("pulse_count"),
        "Distance_signal_strength": NOTHING,
        "Digital_IStatus": Meaning("digital_input"),
        "EXTI_Trigger": Meaning("interrupt"),
        **{f"AVI{number}_V": Meaning(f"analog_voltage_{number}") for number in (1, 2)},
        **{f"ACI{number}_mA": Meaning(f"analog_current_{number}") for number in (1, 2)},
        **{f"DI{number}_status": Meaning(f"digital_input_{number}") for number in (1, 2, 3)},
        **{f"DO{number}_status": Meaning(f"digital_output_{number}") for number in (1, 2, 3)},
        **{f"RO{number}_status": Meaning(f"relay_{number}") for number in (1, 2)},
        **{f"Count{number}_times": Meaning(f"pulse_count_{number}") for number in (1, 2)},
        "Acount_times": Meaning("pulse_count_total"),
        "Work_mode": NOTHING,
        "Hardware_mode": NOTHING,
    }
)
_NO_PROBE: Final = frozenset({3276.7, -409.5, 327.67})
ABSENT: Final[Mapping[str, frozenset[float]]] = MappingProxyType(
    {
        "TempC1": _NO_PROBE,
        "TempC2": _NO_PROBE,
        "TempC3": _NO_PROBE,
        "TempC_SHT": _NO_PROBE,
        "Distance_cm": frozenset({0.0, 6553.5}),
    }
)
_LEVEL: Final = MappingProxyType({"L": 0.0, "H": 1.0})
_RELAY: Final = MappingProxyType({"OFF": 0.0, "ON": 1.0})
STATES: Final[Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {
        "Digital_IStatus": _LEVEL,
        "EXTI_Trigger": MappingProxyType({"FALSE": 0.0, "TRUE": 1.0}),
        "Door_status": MappingProxyType({"CLOSE": 0.0, "OPEN": 1.0}),
        **{f"{what}{number}_status": _LEVEL for what in ("DI", "DO") for number in (1, 2, 3)},
        **{f"RO{number}_status": _RELAY for number in (1, 2)},
    }
)


def decode_lsn50(port: int, payload: bytes) -> dict[str, object]:
    """Read a frame of an LSN50, in the modes I2C, distance, three DS18B20, and counting.

    Raises:
        DecodeError: `undecoded`: another port or mode, or too short.
    """
    if port != _MEASUREMENTS:
        raise refusal(f"an LSN50 has nothing known on port {port}")
    need(payload, 11, "a measurement")
    millivolts, celsius, analog, flags = _LSN50.unpack_from(payload)
    mode = flags >> 2 & 0x1F
    rest = _LSN50_MODES.get(mode)
    if rest is None:
        raise refusal(f"mode {mode} of an LSN50 is unknown")
    return {
        "BatV": millivolts / 1000,
        "TempC1": celsius / 10,
        "ADC_CH0V": analog / 1000,
        "Digital_IStatus": "H" if flags & 0x02 else "L",
        "EXTI_Trigger": "TRUE" if flags & 0x01 else "FALSE",
        "Door_status": "CLOSE" if flags & 0x80 else "OPEN",
    } | rest(payload)


def _iic(payload: bytes) -> dict[str, object]:
    first, second = _UNSIGNED.unpack_from(payload, 7)
    if second == 0:
        return {"Work_mode": "IIC", "Illum": first}
    return {"Work_mode": "IIC", "TempC_SHT": _SIGNED.unpack_from(payload, 7)[0] / 10, "Hum_SHT": second / 10}


def answered(fields: dict[str, object], names: Names) -> dict[str, object]:  # noqa: ARG001 -- the contract
    """Leave out the climate of an I2C sensor that didn't answer: all ones, which are 6553.5 % of humidity."""
    humidity = fields.get("Hum_SHT")
    if isinstance(humidity, NUMBER) and humidity > _WETTEST:
        return {name: value for name, value in fields.items() if name not in {"Hum_SHT", "TempC_SHT"}}
    return fields


_WETTEST: Final = 100


def _distance(payload: bytes) -> dict[str, object]:
    millimetres, strength = _UNSIGNED.unpack_from(payload, 7)
    fields: dict[str, object] = {"Work_mode": "Distance", "Distance_cm": millimetres / 10}
    return fields if strength == 0xFFFF else fields | {"Distance_signal_strength": strength}  # noqa: PLR2004 -- none


def _probes(payload: bytes) -> dict[str, object]:
    second, third = _SIGNED.unpack_from(payload, 7)
    return {"Work_mode": "3DS18B20", "TempC2": second / 10, "TempC3": third / 10}


def _count(payload: bytes) -> dict[str, object]:
    return {"Work_mode": "Count", "Count": int.from_bytes(payload[7:11], "big")}


_LSN50_MODES: Final[Mapping[int, Callable[[bytes], dict[str, object]]]] = MappingProxyType(
    {0: _iic, 1: _distance, 3: _probes, 5: _count}
)


def decode_lt22222(port: int, payload: bytes) -> dict[str, object]:
    """Read a frame of an LT-22222-L or LT-33222-L, but for the mode of triggers.

    Raises:
        DecodeError: `undecoded`: another port, mode or hardware, or too short.
    """
    if port != _MEASUREMENTS:
        raise refusal(f"an LT-22222-L has nothing known on port {port}")
    need(payload, 11, "a state")
    flags, hardware, mode = payload[8], payload[10] >> 6, payload[10] & 0x3F
    rest = _LT_MODES.get(mode)
    if rest is None or hardware not in _HARDWARE:
        raise refusal(f"mode {mode} of hardware {hardware} is unknown")
    fields: dict[str, object] = {
        "Hardware_mode": _HARDWARE[hardware],
        "DO1_status": "L" if flags & 0x01 else "H",
        "DO2_status": "L" if flags & 0x02 else "H",
        "RO1_status": "ON" if flags & 0x80 else "OFF",
        "RO2_status": "ON" if flags & 0x40 else "OFF",
    }
    return fields | rest(payload)


def _analog(payload: bytes) -> dict[str, object]:
    volts1, volts2, amperes1, amperes2 = _ANALOG.unpack_from(payload)
    return {
        "Work_mode": "2ACI+2AVI",
        "AVI1_V": volts1 / 1000,
        "AVI2_V": volts2 / 1000,
        "ACI1_mA": amperes1 / 1000,
        "ACI2_mA": amperes2 / 1000,
        "DI1_status": "H" if payload[8] & 0x08 else "L",
        "DI2_status": "H" if payload[8] & 0x10 else "L",
    }


def _two_counts(payload: bytes) -> dict[str, object]:
    first, second = _COUNTS.unpack_from(payload)
    return {"Work_mode": "Count mode 1", "Count1_times": first, "Count2_times": second}


def _currents_and_count(payload: bytes) -> dict[str, object]:
    count, amperes1, amperes2 = _COUNT_AND_CURRENTS.unpack_from(payload)
    return {
        "Work_mode": "2ACI+1Count",
        "Count1_times": count,
        "ACI1_mA": amperes1 / 1000,
        "ACI2_mA": amperes2 / 1000,
    }


def _total(payload: bytes) -> dict[str, object]:
    count, total = _COUNTS.unpack_from(payload)
    return {"Work_mode": "Count mode 2", "Count1_times": count, "Acount_times": total}


def _analog_and_count(payload: bytes) -> dict[str, object]:
    volts1, volts2, amperes, count = _ANALOG_AND_COUNT.unpack_from(payload)
    return {
        "Work_mode": "1ACI+2AVI+1Count",
        "AVI1_V": volts1 / 1000,
        "AVI2_V": volts2 / 1000,
        "ACI1_mA": amperes / 1000,
        "Count1_times": count,
    }


_HARDWARE: Final = MappingProxyType({0: "LT33222", 1: "LT22222"})
_LT_MODES: Final[Mapping[int, Callable[[bytes], dict[str, object]]]] = MappingProxyType(
    {1: _analog, 2: _two_counts, 3: _currents_and_count, 4: _total, 5: _analog_and_count}
)


_DALLAS: Final = frozenset({"TempC1", "TempC2", "TempC3"})
_codec: Final = partial(Codec, names=NAMES, dallas=_DALLAS, absent=ABSENT, states=STATES)
CODECS: Final[Mapping[str, Codec]] = MappingProxyType(
    {
        "dragino-lsn50": _codec(decode_lsn50, kind="weather", tidy=answered),
        "dragino-lt22222": _codec(decode_lt22222, kind="energy_meter"),
    }
)

"""Dragino's loggers and contacts: LHT65 and LHT65N, LHT52, LDDS75, LDS02 and LWL02 (the maker's user manuals)."""

from collections.abc import Callable, Mapping
from functools import partial
from struct import Struct
from types import MappingProxyType
from typing import Final

from gateway.decoders.fields import NOTHING, Meaning, Names
from gateway.decoders.lorawan.codecs.codec import HISTORY, Codec, need, refusal, unix_clock

_CLIMATE: Final = Struct(">HhHB")
_LHT52: Final = Struct(">hHhBI")
_LDDS75: Final = Struct(">HHBhB")
_RECORD: Final = Struct(">hhHBI")
_U16: Final = Struct(">H")
_I16: Final = Struct(">h")
_U32: Final = Struct(">I")
_MILLIVOLTS: Final = 0x3FFF
"""The highest two bits beside a battery's millivolts are a status."""

_NO_PROBE: Final = frozenset({327.67})
"""What a DS18B20 input without probe says (0x7FFF)."""

NAMES: Final[Names] = MappingProxyType(
    {
        "BatV": Meaning("battery_voltage"),
        "Bat_mV": Meaning("battery_voltage", "mV"),
        "Bat": Meaning("battery_voltage"),
        "BAT_V": Meaning("battery_voltage"),
        "TempC_SHT": Meaning("temperature"),
        "Hum_SHT": Meaning("humidity"),
        "TempC_DS": Meaning("probe_temperature"),
        "TempC_DS18B20": Meaning("probe_temperature"),
        "ILL_lx": Meaning("illuminance"),
        "ADC_V": Meaning("analog_voltage"),
        "Distance": Meaning("distance", "mm"),
        "DOOR_OPEN_STATUS": Meaning("door_open"),
        "WATER_LEAK_STATUS": Meaning("water_leak"),
        **dict.fromkeys(
            (
                *("Bat_status", "Ext", "Systimestamp", "timestamp", "Sensor_Model", "Freq_Band", "Sub_Band", "MOD"),
                *("Firmware_Version", "Interrupt_flag", "Sensor_flag", "No_connect"),
            ),
            NOTHING,
        ),
    }
)
ABSENT: Final[Mapping[str, frozenset[float]]] = MappingProxyType(
    {
        "TempC_DS": _NO_PROBE,
        "TempC_SHT": _NO_PROBE,
        # an LDDS75 without probe says 0.00; without ultrasound 0, and nearer than it can measure 20
        "TempC_DS18B20": frozenset({0.0, 327.67, 3276.7}),
        "Distance": frozenset({0.0, 20.0}),
    }
)
_UNCONNECTED: Final = "Sensor no connection"
_HIGH: Final = MappingProxyType({"Low": 0.0, "High": 1.0})
STATES: Final[Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {"Exti_pin_level": _HIGH, "No_connect": MappingProxyType({_UNCONNECTED: 1.0})}
)


def decode_lht65(port: int, payload: bytes) -> dict[str, object]:
    """Read a frame of an LHT65 or LHT65N: a measurement (port 2), or its memory (port 3).

    Raises:
        DecodeError: `undecoded`: another port, an unknown external sensor, or too short.
    """
    if port == 3:  # noqa: PLR2004 -- Dragino's port of stored records
        return {HISTORY: [_lht65_record(payload, at) for at in _records(payload)]}
    if port != 2:  # noqa: PLR2004 -- Dragino's port of measurements
        raise refusal(f"an LHT65 has nothing known on port {port}")
    need(payload, 11, "a measurement")
    first, celsius, humidity, flags = _CLIMATE.unpack_from(payload)
    kind = flags & 0x0F
    fields: dict[str, object]
    if kind == _TIMED_PROBE:
        # the probe stands where the voltage was
        fields = {"TempC_DS": _I16.unpack_from(payload)[0] / 100, "Bat_status": payload[4] >> 6}
    else:
        fields = {"BatV": (first & _MILLIVOLTS) / 1000, "Bat_status": first >> 14}
    fields |= {"TempC_SHT": celsius / 100, "Hum_SHT": (humidity & 0x0FFF) / 10}
    if flags & 0x80:
        fields["No_connect"] = _UNCONNECTED
    external = _EXTERNAL.get(kind)
    if external is None:
        raise refusal(f"external sensor {kind} of an LHT65 is unknown")
    return fields | external(payload)


_TIMED_PROBE: Final = 9
_EXTERNAL: Final[Mapping[int, Callable[[bytes], dict[str, object]]]] = MappingProxyType(
    {
        0: lambda _: {"Ext_sensor": "No external sensor"},
        1: lambda frame: {"Ext_sensor": "Temperature Sensor", "TempC_DS": _I16.unpack_from(frame, 7)[0] / 100},
        4: lambda frame: {
            "Work_mode": "Interrupt Sensor send",
            "Exti_pin_level": "High" if frame[7] else "Low",
            "Exti_status": "True" if frame[8] else "False",
        },
        5: lambda frame: {"Work_mode": "Illumination Sensor", "ILL_lx": _U16.unpack_from(frame, 7)[0]},
        6: lambda frame: {"Work_mode": "ADC Sensor", "ADC_V": _U16.unpack_from(frame, 7)[0] / 1000},
        7: lambda frame: {"Work_mode": "Interrupt Sensor count", "Exit_count": _U16.unpack_from(frame, 7)[0]},
        8: lambda frame: {"Work_mode": "Interrupt Sensor count", "Exit_count": _U32.unpack_from(frame, 7)[0]},
        _TIMED_PROBE: lambda frame: {
            "Work_mode": "DS18B20 & timestamp",
            "Systimestamp": _U32.unpack_from(frame, 7)[0],
        },
    }
)


def connected(fields: dict[str, object], names: Names) -> dict[str, object]:  # noqa: ARG001 -- the contract
    """Leave out what an LHT65 says of an external sensor that it has lost."""
    if not fields.get("No_connect"):
        return fields
    return {name: value for name, value in fields.items() if name not in _OF_EXTERNAL}


_OF_EXTERNAL: Final = frozenset({"TempC_DS", "Exti_pin_level", "Exti_status", "ILL_lx", "ADC_V", "Exit_count"})


def _records(payload: bytes) -> range:
    if not payload or len(payload) % _RECORD.size:
        raise refusal(f"stored records have {_RECORD.size} bytes each, and these are {len(payload)}")
    return range(0, len(payload), _RECORD.size)


def _lht65_record(payload: bytes, at: int) -> dict[str, object]:
    probe, celsius, humidity, flags, seconds = _RECORD.unpack_from(payload, at)
    record = {"timestamp": seconds, "TempC_SHT": celsius / 100, "Hum_SHT": (humidity & 0x0FFF) / 10}
    return record | ({"TempC_DS": probe / 100} if flags & 0x0F in {1, _TIMED_PROBE} else {})


def decode_lht52(port: int, payload: bytes) -> dict[str, object]:
    """Read a frame of an LHT52: a measurement (port 2), its memory (3), the probe's id (4), its state (5).

    Raises:
        DecodeError: `undecoded`: another port, or too short.
    """
    match port:
        case 2:
            need(payload, _LHT52.size, "a measurement")
            return _lht52_record(payload, 0, "Systimestamp")
        case 3:
            return {HISTORY: [_lht52_record(payload, at, "timestamp") for at in _records(payload)]}
        case 4:
            need(payload, 8, "a probe's id")
            return {"DS18B20_ID": payload[:8].hex()}
        case 5:
            need(payload, 7, "a state")
            return {
                "Sensor_Model": payload[0],
                "Firmware_Version": f"{_U16.unpack_from(payload, 1)[0]:x}",
                "Freq_Band": payload[3],
                "Sub_Band": payload[4],
                "Bat_mV": _U16.unpack_from(payload, 5)[0],
            }
        case _:
            raise refusal(f"an LHT52 has nothing known on port {port}")


def _lht52_record(payload: bytes, at: int, clock: str) -> dict[str, object]:
    celsius, humidity, probe, external, seconds = _LHT52.unpack_from(payload, at)
    return {
        "TempC_SHT": celsius / 100,
        "Hum_SHT": humidity / 10,
        "TempC_DS": probe / 100,
        "Ext": external,
        clock: seconds,
    }


def decode_ldds75(port: int, payload: bytes) -> dict[str, object]:
    """Read a frame of an ultrasonic gauge (LDDS75, LDDS20, LDDS45, DDS75-LB).

    Raises:
        DecodeError: `undecoded`: another port, or too short.
    """
    if port != 2:  # noqa: PLR2004 -- Dragino's port of measurements
        raise refusal(f"an LDDS75 has nothing known on port {port}")
    need(payload, _LDDS75.size, "a measurement")
    battery, millimetres, interrupt, celsius, sensor = _LDDS75.unpack_from(payload)
    return {
        "Bat": (battery & _MILLIVOLTS) / 1000,
        "Distance": millimetres,
        "Interrupt_flag": interrupt,
        "TempC_DS18B20": f"{celsius / 10:.2f}",
        "Sensor_flag": sensor,
    }


def contact(model: str) -> Callable[[int, bytes], dict[str, object]]:
    """Make the decoder of a contact: `LDS02` (door) or `LWL02` (leak); both can say both, by their mode."""

    def decode(port: int, payload: bytes) -> dict[str, object]:
        """Read a frame.

        Raises:
            DecodeError: `undecoded`: another port or mode, or too short.
        """
        if port not in {7, 10}:
            raise refusal(f"an {model} has nothing known on port {port}")
        need(payload, 10, "a state")
        head, mode = _U16.unpack_from(payload)[0], payload[2]
        door, leak = head >> 15, head >> 14 & 1
        times, minutes = int.from_bytes(payload[3:6], "big"), int.from_bytes(payload[6:9], "big")
        fields: dict[str, object] = {"Node_type": model, "BAT_V": (head & _MILLIVOLTS) / 1000, "MOD": mode}
        match mode:
            case 1:
                return fields | {
                    "DOOR_OPEN_STATUS": door,
                    "DOOR_OPEN_TIMES": times,
                    "LAST_DOOR_OPEN_DURATION": minutes,
                    "ALARM": payload[9] & 1,
                }
            case 2:
                return fields | {
                    "WATER_LEAK_STATUS": leak,
                    "WATER_LEAK_TIMES": times,
                    "LAST_WATER_LEAK_DURATION": minutes,
                }
            case 3:
                return fields | {"DOOR_OPEN_STATUS": door, "WATER_LEAK_STATUS": leak, "ALARM": payload[9] & 1}
            case _:
                raise refusal(f"mode {mode} of an {model} is unknown")

    return decode


_DALLAS: Final = frozenset({"TempC_DS", "TempC_DS18B20"})
_codec: Final = partial(Codec, names=NAMES, dallas=_DALLAS, absent=ABSENT, states=STATES)
_clock: Final = unix_clock("Systimestamp")
CODECS: Final[Mapping[str, Codec]] = MappingProxyType(
    {
        "dragino-ldds75": _codec(decode_ldds75, kind="water_level"),
        "dragino-lds02": _codec(contact("LDS02"), kind="dock"),
        "dragino-lht52": _codec(decode_lht52, kind="cargo", clock=_clock),
        "dragino-lht65": _codec(decode_lht65, kind="cargo", clock=_clock, tidy=connected),
        "dragino-lwl02": _codec(contact("LWL02"), kind="container"),
    }
)

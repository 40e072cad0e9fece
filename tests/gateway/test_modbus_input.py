"""The Modbus link against pymodbus's own server: what is read is right, and what isn't read is a gap."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from pymodbus import FramerType
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ModbusIOException
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from rig import until
from stand_ins import FakeSpool, context

from city.errors import ConfigurationError, SpoolFull
from city.tables import parse_table
from gateway.inputs.input import InputCounters
from gateway.inputs.modbus import ModbusInput, ModbusTable
from gateway.inputs.registers import Register, to_blocks
from support.ports import free_port

REGISTERS = [
    {"quantity": "voltage", "address": 10, "over": 10},
    {"quantity": "power", "address": 11, "type": "int32", "unit": "kW", "over": 1000},
    {"quantity": "energy", "address": 13, "type": "float64", "words": "little", "unit": "Wh"},
    {"quantity": "current", "address": 17, "type": "uint16", "unit": "mA", "missing": [65535]},
    {"quantity": "temperature", "address": 40, "space": "input", "type": "int16", "over": 10, "offset": -5},
    {"quantity": "humidity", "address": 41, "space": "input", "type": "float32"},
    {"quantity": "lamp_on", "address": 3, "space": "coil"},
    {"quantity": "door_open", "address": 9, "space": "discrete"},
]
EXPECTED = {
    "voltage": 230.1,
    "power": -1500.0,
    "energy": 12.345678,
    "current": 0.42,
    "temperature": -15.5,
    "humidity": 61.5,
    "lamp_on": 1.0,
    "door_open": 1.0,
}


def words(layout: str, number: float) -> list[int]:
    packed = struct.pack(f">{layout}", number)
    return list(struct.unpack(f">{len(packed) // 2}H", packed))


async def _nobody(*_: object) -> ExcCodes:
    return ExcCodes.GATEWAY_NO_RESPONSE


class Meter:
    """Two devices behind one pymodbus server; a test may make the first slow or unwilling."""

    def __init__(self, framing: str = "tcp") -> None:
        self.framing = framing
        self.port = free_port()
        self.current = 420
        self.slow_s = 0.0
        self.refuses: int | None = None
        self.asked: list[tuple[int, int, int]] = []

    async def _act(
        self, function: int, first: int, address: int, count: int, now: list[int], new: object
    ) -> ExcCodes | None:
        del new
        self.asked.append((function, address, count))
        if function == 3 and first <= 17 < first + len(now):
            now[17 - first] = self.current
        if self.slow_s:
            await asyncio.sleep(self.slow_s)
        return ExcCodes.DEVICE_BUSY if function == self.refuses else None

    def _hear(self, sending: bool, data: bytes) -> bytes:  # noqa: FBT001  pymodbus calls it so
        """Let nothing through to the third device: it is silent."""
        return b"" if not sending and data[0 if self.framing == "rtu" else 6] == 3 else data

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        holding = [2301, *words("i", -1500), *words("d", 12345.678)[::-1], 420]
        tables = (
            [SimData(0, values=[False, False, False, True] * 4, datatype=DataType.BITS)],
            [SimData(0, values=[False] * 9 + [True] * 7, datatype=DataType.BITS)],
            [SimData(10, values=holding, datatype=DataType.REGISTERS)],
            [SimData(40, values=[2**16 - 105, *words("f", 61.5)], datatype=DataType.REGISTERS)],
        )
        plain = [SimData(0, values=[7], datatype=DataType.REGISTERS)]
        server = ModbusTcpServer(
            [
                SimDevice(1, simdata=tables, action=self._act),
                SimDevice(2, simdata=plain),
                SimDevice(3, simdata=plain),
                SimDevice(9, simdata=plain, action=_nobody),
            ],
            framer=FramerType.RTU if self.framing == "rtu" else FramerType.SOCKET,
            address=("127.0.0.1", self.port),
            trace_packet=self._hear,
        )
        await server.serve_forever(background=True)
        try:
            yield
        finally:
            await server.shutdown()
            await asyncio.sleep(0.05)

    def table(self, *more: dict[str, object], **keys: object) -> ModbusTable:
        first = {"device": "meter-1", "kind": "energy_meter", "interval_s": 0.1, "registers": REGISTERS}
        keys = {"name": "site", "host": "127.0.0.1", "port": self.port, "timeout_s": 0.2} | keys
        return parse_table(ModbusTable, {**keys, "framing": self.framing, "device": [first, *more]}, "modbus")


SECOND: dict[str, object] = {
    "device": "bin-2",
    "kind": "waste_bin",
    "unit_id": 2,
    "interval_s": 0.05,
    "registers": [{"quantity": "fill_level", "address": 0}],
}
SILENT = SECOND | {"device": "bin-3", "unit_id": 3}


@asynccontextmanager
async def polling(spool: FakeSpool, table: ModbusTable) -> AsyncIterator[InputCounters]:
    given = context(spool, "site")
    task = asyncio.create_task(ModbusInput(table, given).run())
    try:
        yield given.counters
    finally:
        task.cancel()
        done, _ = await asyncio.wait((task,), timeout=1)
        assert done
        await asyncio.sleep(0.01)


def of(spool: FakeSpool, device: str) -> list[dict[str, float]]:
    return [reading.values for reading in spool.readings if reading.device == device]


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
async def test_every_type_and_space_is_read_in_few_requests(framing: str) -> None:
    meter, spool = Meter(framing), FakeSpool()
    async with meter.running(), polling(spool, meter.table(SECOND)) as counters:
        await until(lambda: len(of(spool, "meter-1")) >= 2 and len(of(spool, "bin-2")) >= 2)
    assert of(spool, "meter-1")[0] == pytest.approx(EXPECTED)
    assert of(spool, "bin-2")[0] == {"fill_level": 7}
    assert sorted(set(meter.asked)) == [(1, 3, 1), (2, 9, 1), (3, 10, 8), (4, 40, 3)]
    assert not counters.failed
    assert spool.readings[0].kind == "energy_meter"


async def test_a_number_that_means_nothing_is_absent() -> None:
    meter, spool = Meter(), FakeSpool()
    meter.current = 65535
    async with meter.running(), polling(spool, meter.table()):
        await until(lambda: bool(spool.readings))
    assert "current" not in spool.readings[0].values
    assert spool.readings[0].values["voltage"] == 230.1


@pytest.mark.parametrize("absent", [-3.4028235e38, -9999.9, 1e20, 0.1, -9999])
def test_a_float32_that_means_nothing_is_known_however_the_settings_write_it(absent: float) -> None:
    row = Register(quantity="temperature", address=0, type="float32", missing=(-1.5, absent))
    assert row.value(words("f", absent)) is None
    assert row.value(words("f", 21.5)) == 21.5


async def test_what_a_device_refuses_is_a_gap_and_the_rest_goes_on() -> None:
    meter, spool = Meter(), FakeSpool()
    meter.refuses = 4
    async with meter.running(), polling(spool, meter.table(SECOND)) as counters:
        await until(lambda: len(of(spool, "meter-1")) >= 2 and len(of(spool, "bin-2")) >= 2)
        assert counters.failed_of["meter-1"] >= 2
        assert set(counters.failed) == {"refused"}
    expected = {key: value for key, value in EXPECTED.items() if key not in {"temperature", "humidity"}}
    assert of(spool, "meter-1")[0] == pytest.approx(expected)


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
async def test_a_silent_neighbour_costs_nobody_else_a_reading(framing: str) -> None:
    meter, spool = Meter(framing), FakeSpool()
    async with meter.running(), polling(spool, meter.table(SECOND, SILENT)) as counters:
        await until(lambda: len(of(spool, "bin-2")) >= 10 and counters.failed_of["bin-3"] >= 2)
    assert of(spool, "bin-3") == []
    assert set(counters.failed_of) == {"bin-3"}
    assert counters.failed_of["bin-3"] < 5, "it is asked less and less often"


@pytest.mark.parametrize("framing", ["tcp", "rtu"])
async def test_an_answer_that_comes_late_is_not_taken_for_another(framing: str) -> None:
    meter, spool = Meter(framing), FakeSpool()
    meter.slow_s = 0.3
    async with meter.running(), polling(spool, meter.table(SECOND, timeout_s=0.25)) as counters:
        await until(lambda: counters.failed_of["meter-1"] >= 2)
        assert of(spool, "meter-1") == []
        meter.slow_s = 0
        await until(lambda: len(of(spool, "meter-1")) >= 1)
    assert of(spool, "meter-1")[0] == pytest.approx(EXPECTED)
    assert all(values == {"fill_level": 7} for values in of(spool, "bin-2"))


async def _swallow_one_cancellation() -> None:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling() > 1:
            raise


async def _be_silent(*_args: object, **_keys: object) -> None:
    await _swallow_one_cancellation()
    raise ModbusIOException("the answer came in the same moment")


async def _fail_to_connect(_client: object) -> bool:
    await _swallow_one_cancellation()
    return False


@pytest.mark.parametrize(("method", "work"), [("execute", _be_silent), ("connect", _fail_to_connect)])
async def test_it_ends_though_the_client_swallows_the_cancellation(
    monkeypatch: pytest.MonkeyPatch, method: str, work: Callable[..., Awaitable[object]]
) -> None:
    monkeypatch.setattr(AsyncModbusTcpClient, method, work)
    meter, spool = Meter(), FakeSpool()
    async with meter.running(), polling(spool, meter.table()):
        await asyncio.sleep(0.2)


async def test_it_comes_back_when_the_device_does() -> None:
    meter, spool = Meter(), FakeSpool()
    async with polling(spool, meter.table()) as counters:
        await until(lambda: counters.failed["connect"] >= 1)
        async with meter.running():
            await until(lambda: len(spool.readings) >= 1)
        seen = len(spool.readings)
        async with meter.running():
            await until(lambda: len(spool.readings) > seen)


async def test_while_the_spool_is_full_the_reading_waits() -> None:
    meter, spool = Meter(), FakeSpool()
    spool.error = SpoolFull("the disk is full")
    async with meter.running(), polling(spool, meter.table()) as counters:
        await until(lambda: counters.failed["spool"] >= 2)
        spool.error = None
        await until(lambda: len(spool.readings) >= 1)


async def test_a_device_that_the_serial_gateway_misses_is_asked_less_often() -> None:
    meter, spool = Meter(), FakeSpool()
    missing = SECOND | {"device": "bin-9", "unit_id": 9}
    async with meter.running(), polling(spool, meter.table(SECOND, missing)) as counters:
        await until(lambda: len(of(spool, "bin-2")) >= 20)
    assert counters.failed == {"refused": counters.failed_of["bin-9"]}
    assert counters.failed_of["bin-9"] < 7


def test_neighbours_are_merged_up_to_what_one_request_may_ask() -> None:
    rows = [Register(quantity=f"q{number}", address=number) for number in range(130)]
    rows += [Register(quantity="far", address=200, type="float32"), Register(quantity="bit", address=0, space="coil")]
    blocks = [(block.space, block.address, block.size) for block in to_blocks(reversed(rows))]
    assert blocks == [("coil", 0, 1), ("holding", 0, 125), ("holding", 125, 5), ("holding", 200, 2)]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"address": 65535, "type": "int32"}, "beyond the last register"),
        ({"address": 70000}, "less than or equal to 65535"),
        ({"address": 1, "unit": "mm"}, "mm .length. is no"),
        ({"address": 1, "over": 0}, "neither scale nor over is 0"),
        ({"address": 1, "type": "float32", "missing": [1e39]}, "beyond what float32 holds"),
        ({"address": 1, "adress": 2}, "no key 'adress', did you mean address"),
    ],
)
def test_a_row_that_cannot_be_is_refused(row: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        parse_table(Register, {"quantity": "voltage", **row}, "register")


def test_one_quantity_has_one_register() -> None:
    with pytest.raises(ConfigurationError, match="two registers for voltage"):
        Meter().table({**SECOND, "registers": [REGISTERS[0], REGISTERS[0]]})

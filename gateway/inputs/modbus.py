"""The Modbus input: polls devices over Modbus TCP, or over RTU frames in a TCP connection, as serial gateways speak it.

A device has no clock and no memory: what can't be read now is a gap, never an old or invented value. One connection
serves all devices behind one address, because many serial gateways have room for one only.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Literal, Self

from pydantic import Field, model_validator
from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.constants import ExcCodes

from city.backoff import Backoff
from city.reading import Reading
from city.tables import Id, Kind, Port, Seconds, Table
from gateway.inputs.input import InputContext, InputTable
from gateway.inputs.registers import Block, Register, to_blocks

_MAX_REST_S: Final = 300.0
"""A device that doesn't answer is asked less and less often, down to this; its neighbours wait for its silence."""

_NOBODY_THERE: Final = frozenset({ExcCodes.GATEWAY_PATH_UNAVIABLE, ExcCodes.GATEWAY_NO_RESPONSE})
"""What a serial gateway says for a device that is silent."""

# it writes a line for each request that times out; the input's counters say it once
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)


class ModbusDevice(Table):
    """One device behind the address.

    Attributes:
        device: Its id.
        kind: Its kind.
        unit_id: Its number on the bus.
        interval_s: Seconds between two polls.
        registers: What is read.
    """

    device: Id
    kind: Kind
    unit_id: int = Field(1, ge=0, le=255)
    interval_s: Seconds = 60.0
    registers: tuple[Register, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        quantities = [row.quantity for row in self.registers]
        if twice := {key for key in quantities if quantities.count(key) > 1}:
            raise ValueError(f"{self.device} has two registers for {', '.join(sorted(twice))}")
        return self


class ModbusTable(InputTable):
    """One `[[input.modbus]]`: an address and the devices behind it.

    Attributes:
        name: Name of the input.
        host: Address of the device or of the serial gateway.
        port: TCP port.
        framing: `tcp` for Modbus TCP, `rtu` for serial frames in a TCP connection.
        timeout_s: Seconds in which it must answer or let us connect.
        device: The devices behind it.
    """

    host: str = Field(min_length=1)
    port: Port = 502
    framing: Literal["tcp", "rtu"] = "tcp"
    timeout_s: float = Field(3.0, ge=0.05, le=60)
    device: tuple[ModbusDevice, ...] = Field(min_length=1)


class _SilentError(Exception):
    """A device doesn't answer; asking it more now only makes its neighbours wait."""


class _Polled:
    """A device and when it is asked next."""

    def __init__(self, table: ModbusDevice, now_s: float) -> None:
        self.table = table
        self.blocks = to_blocks(table.registers)
        self.due_s = now_s
        self.silent = 0

    def plan(self, now_s: float, *, answered: bool) -> None:
        """Set the next poll; one that was missed is not made up for."""
        self.silent = 0 if answered else self.silent + 1
        interval_s = self.table.interval_s
        rest_s = min(interval_s * 2 ** min(self.silent, 16), max(interval_s, _MAX_REST_S))
        self.due_s = max(self.due_s + rest_s, now_s)


class ModbusInput:
    """Polls the devices behind one address.

    Args:
        table: Its settings.
        context: What every input is given.
    """

    def __init__(self, table: ModbusTable, context: InputContext) -> None:
        self._table = table
        self._context = context
        self._counters = context.counters
        self._client = AsyncModbusTcpClient(
            table.host,
            port=table.port,
            framer=FramerType.RTU if table.framing == "rtu" else FramerType.SOCKET,
            timeout=table.timeout_s,
            retries=0,
            reconnect_delay=0,
        )

    async def open(self) -> None:
        """Nothing: devices that are away are waited for in `run`."""

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()
        polled = [_Polled(device, loop.time()) for device in self._table.device]
        try:
            while True:
                device = min(polled, key=lambda each: each.due_s)
                await asyncio.sleep(device.due_s - loop.time())
                await self._connect()
                answered = await self._poll(device)
                device.plan(loop.time(), answered=answered)
                _obey()
        finally:
            self._client.close()

    async def close(self) -> None:
        """Nothing: the connection ends with `run`."""

    async def _connect(self) -> None:
        """Return when there is a connection, however long that takes."""
        backoff = Backoff(first_s=1.0, max_s=60.0)
        while not self._client.connected:
            if await self._client.connect():
                return
            _obey()
            self._counters.fail("connect", address=f"{self._table.host}:{self._table.port}")
            await asyncio.sleep(backoff.next())

    async def _poll(self, device: _Polled) -> bool:
        """Read a device once and hand over what it said; False when it fell silent."""
        now_ns = self._context.clock()
        values: dict[str, float] = {}
        answered = True
        try:
            for block in device.blocks:
                values |= await self._read(device.table, block)
        except _SilentError:
            answered = False
        if values:
            reading = Reading(device.table.device, device.table.kind, now_ns, values)
            await self._context.deliver_at_last([reading], [])
        return answered

    async def _read(self, device: ModbusDevice, block: Block) -> dict[str, float]:
        """Ask once; nothing when the device refuses.

        Raises:
            _SilentError: There is no answer, or none that can be trusted.
        """
        ask = {
            "holding": self._client.read_holding_registers,
            "input": self._client.read_input_registers,
            "coil": self._client.read_coils,
            "discrete": self._client.read_discrete_inputs,
        }[block.space]
        where = {"unit_id": device.unit_id, "space": block.space, "address": block.address}
        try:
            answer = await ask(block.address, count=block.size, device_id=device.unit_id)
        except ModbusException as error:
            self._counters.fail("no_answer", device.device, detail=str(error), **where)
            # RTU frames carry no number: an answer that comes late would pass for the next one's
            self._client.close()
            raise _SilentError from None
        if answer.isError():
            self._counters.fail("refused", device.device, code=answer.exception_code, **where)
            if answer.exception_code in _NOBODY_THERE:
                raise _SilentError
            return {}
        raw: Sequence[int] = answer.registers or answer.bits
        if len(raw) != block.answer_size:
            self._counters.fail("wrong_size", device.device, **where)
            self._client.close()
            raise _SilentError
        return block.values(raw)


def _obey() -> None:
    """End if that was asked meanwhile.

    The client waits with `asyncio.wait_for`, whose form of Python 3.11 swallows a cancellation that comes in the same
    moment as what it waits for.

    Raises:
        CancelledError: It was.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError

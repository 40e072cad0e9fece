"""How bytes arrive: one module a protocol, and the list of them.

Add an input: a module with a table (`InputTable`) and a class (`Input`), a row here, a chapter in docs/gateway.md.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gateway.inputs.folder import FolderInput, FolderTable
from gateway.inputs.http import HttpInput, HttpTable
from gateway.inputs.input import Input, InputContext, InputTable
from gateway.inputs.modbus import ModbusInput, ModbusTable
from gateway.inputs.mqtt import MqttInput, MqttTable
from gateway.inputs.poll import PollInput, PollTable
from gateway.inputs.tcp import TcpInput, TcpTable
from gateway.inputs.udp import UdpInput, UdpTable


class InputKind(NamedTuple):
    """One kind of input: the model of its `[[input.*]]` table, and what makes the input of it."""

    table: type[InputTable]
    make: Callable[[Any, InputContext], Input]


INPUTS: Final[Mapping[str, InputKind]] = MappingProxyType(
    {
        "http": InputKind(HttpTable, HttpInput),
        "mqtt": InputKind(MqttTable, MqttInput),
        "tcp": InputKind(TcpTable, TcpInput),
        "udp": InputKind(UdpTable, UdpInput),
        "modbus": InputKind(ModbusTable, ModbusInput),
        "poll": InputKind(PollTable, PollInput),
        "folder": InputKind(FolderTable, FolderInput),
    }
)
"""Name in `[[input.<name>]]` to kind."""

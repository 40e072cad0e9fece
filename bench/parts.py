"""What a benchmark is made of: the service measured, the load, and the kernel's account of it."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from city import topics
from city.ledger import open_ledger
from city.ledger.port import By
from city.mqtt import Address, Session
from support.process import Process

ROOT: Final = Path(__file__).resolve().parents[1]
TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Used:
    """What a process has used so far.

    Attributes:
        cpu_s: User and system CPU of all its threads, seconds.
        peak_mib: Most resident memory it ever had, MiB.
    """

    cpu_s: float
    peak_mib: float


def used(pid: int) -> Used:
    """Read the kernel's account of a running process (Linux, proc(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    cpu_s = (int(fields[11]) + int(fields[12])) / TICKS
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM"))
    return Used(cpu_s, int(peak.split()[1]) / 1024)


@contextmanager
def running(process: Process) -> Iterator[Process]:
    """Start it, and stop it at the end; its own words follow when it ends by itself."""
    with process:
        yield process
        if not process.running:
            raise RuntimeError(f"{process.name} ended: {process.log_tail()}")


def blast(port: int, shape: str, messages: int, rate: float = 0) -> subprocess.Popen[bytes]:
    """Begin to publish."""
    script = Path(__file__).with_name("blast.py")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, script, str(port), shape, str(messages), str(rate)], env=environment)


def settled(ledger_url: str) -> int:
    """Readings that the ledger counts as stored."""

    async def ask() -> int:
        ledger = await open_ledger(ledger_url)
        try:
            (account,) = await ledger.account(0, time.time_ns() + 3_600 * 10**9, By.TOTAL)
        finally:
            await ledger.aclose()
        return account.counts.stored

    return asyncio.run(ask())


def wait_for(ledger_url: str, readings: int, process: Process, within_s: float) -> None:
    """Wait until so many readings are stored.

    Raises:
        RuntimeError: The process ended, or the time is over.
    """
    deadline = time.monotonic() + within_s
    while (stored := settled(ledger_url)) < readings:
        if not process.running or time.monotonic() > deadline:
            raise RuntimeError(f"{stored} of {readings} stored; {process.name}: {process.log_tail()}")
        time.sleep(0.5)


def wait_until_subscribed(port: int) -> None:
    """Wait until somebody listens to the city's topics."""

    async def listen() -> None:
        async with Session(Address("127.0.0.1", port), client_id="bench-look", session_expiry_s=0) as session:
            await session.connected()
            while not await session.publish(topics.receipt("th-30", "nobody"), b"{}"):
                await asyncio.sleep(0.05)

    asyncio.run(listen())

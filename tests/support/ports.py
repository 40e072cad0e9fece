"""Free loopback ports, outside the range from which the kernel serves outgoing connections."""

import random
import socket
from pathlib import Path

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 20_000
_chance = random.Random()
_taken: set[int] = set()


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody holds, and never the same one twice.

    Ports of the ephemeral range are avoided: a client that reconnects to a killed server there can be given
    the server's own port as its source, connect to itself, and keep the server from coming back.

    Raises:
        RuntimeError: two hundred ports in a row were taken.
    """
    highest = _first_ephemeral() - 1
    for _ in range(200):
        port = _chance.randint(_LOWEST, highest)
        if port not in _taken and _can_bind(port):
            _taken.add(port)
            return port
    raise RuntimeError(f"no free port found between {_LOWEST} and {highest} on 127.0.0.1")


def accepts(port: int) -> bool:
    """Say whether something accepts connections on that port of 127.0.0.1."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _can_bind(port: int) -> bool:
    """Try the port; without SO_REUSEADDR one that still lingers is refused too."""
    with socket.socket() as candidate:
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _first_ephemeral() -> int:
    """Read where the kernel's own range starts; 32,768 where it does not tell, or starts too low."""
    try:
        first = int(_EPHEMERAL.read_text().split()[0])
    except (OSError, ValueError):
        return 32_768
    return first if first > _LOWEST + 1_000 else 32_768

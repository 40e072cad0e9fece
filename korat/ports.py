"""Ports that must be free, looked at before anything is started."""

import socket

from city.errors import ConfigurationError


def refuse_taken(key: str, host: str, port: int) -> None:
    """Refuse an address that can't be listened on; port 0 is the system's choice and always free.

    Args:
        key: How the sentence names the setting.
        host: Name or address of the interface.
        port: TCP port.

    Raises:
        ConfigurationError: It is taken, or not ours to listen on.
    """
    if port == 0:
        return
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            # as the servers do: an old connection that lingers is no reason
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        raise ConfigurationError(
            f"{key}: can't listen on port {port} of {host} ({error.strerror}); free it or choose another"
        ) from None

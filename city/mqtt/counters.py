"""What a session counts about itself."""

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Totals since the session began; they only rise.

    Attributes:
        received: messages that came in, repeated deliveries included.
        acknowledged: PUBACKs sent.
        published: messages the broker took (QoS 1), or that were handed to the socket (QoS 0).
        reconnects: connections after the first.
        bytes_in: bytes read from the socket, after TLS.
        paused: times that reading stopped because too much was unacknowledged.
    """

    received: int = 0
    acknowledged: int = 0
    published: int = 0
    reconnects: int = 0
    bytes_in: int = 0
    paused: int = 0

    @property
    def moved(self) -> int:
        """Messages that are done with, either way; one that only comes again and again is not."""
        return self.acknowledged + self.published

"""The packet at the front of a buffer: whole, incomplete or hopeless."""

from mqtt5 import Packet, PubAckPacket, PubAckReasonCode, read

from city.mqtt.errors import StreamError
from city.mqtt.packets import MAX_PACKET

# The length after the packet's first byte takes at most four bytes of seven bits and a continuation bit.
_LENGTH_BYTES = 4
_LENGTH_BITS = 0x7F
_CONTINUES = 0x80

_PUBACK = 0x40
_REFUSED = 0x80


def packet_size(head: memoryview) -> int | None:
    """Return the whole size in bytes of the packet that begins here, or None while its header is incomplete.

    Source: MQTT 5, 2.1.4, remaining length.
    """
    length = 0
    for index, byte in enumerate(head[1 : 1 + _LENGTH_BYTES]):
        length |= (byte & _LENGTH_BITS) << 7 * index
        if byte < _CONTINUES:
            return index + 2 + length
    return None


def read_packet(view: memoryview) -> tuple[Packet, int] | None:
    """Return the packet at the front and its size in bytes, or None while it is incomplete.

    Raises:
        StreamError: what is there can never become a packet that we take.
    """
    try:
        return read(view)
    except IndexError:
        size = packet_size(view)
        if size is not None and size > MAX_PACKET:
            raise StreamError(f"a packet of {size} bytes is larger than we announced to take") from None
        return None
    except ValueError as error:
        if view[0] == _PUBACK:
            return _refusal(view, error)
        raise StreamError(f"a malformed packet: {error}") from error
    except BaseException as error:
        # The codec is Rust and panics, outside of Exception, at a string that is not UTF-8.
        if type(error).__name__ != "PanicException":
            raise
        raise StreamError("a packet whose text is not UTF-8") from error


def _refusal(view: memoryview, error: ValueError) -> tuple[Packet, int] | None:
    """Understand a PUBACK whose code the codec doesn't know, as mosquitto's 0x95 for a packet too large.

    Whatever it means, it is the answer to one message and no reason to end the connection.

    Raises:
        StreamError: it is malformed in another way, or no refusal.
    """
    size = packet_size(view)
    if size is None or len(view) < size <= MAX_PACKET:
        return None
    # behind the type and the length: two bytes of packet id, then the code
    start = next(index for index in range(1, 5) if view[index] < _CONTINUES) + 1
    if size > MAX_PACKET or size < start + 3 or view[start + 2] < _REFUSED:
        raise StreamError(f"a malformed packet: {error}") from error
    code = PubAckReasonCode.UNSPECIFIED_ERROR
    number = int.from_bytes(view[start : start + 2])
    return PubAckPacket(number, reason_code=code, reason_str=f"code 0x{view[start + 2]:02x}"), size

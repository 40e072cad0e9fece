"""Journal payloads: what one flush stored for one owner, for those who follow changes.

Blocks as in a pack, a MessagePack array compressed with Zstandard (RFC 8878), behind its plain size as 8 bytes
little-endian. Zstandard, because on such columns it is four times as fast as zlib's fastest and a quarter smaller.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
import pyarrow as pa

from city.errors import Broken
from city.wire.pack import Block

_SIZE: Final = 8
_MAX_BYTES: Final = 2**30
"""Far beyond any flush: a larger claim is damage, and must not allocate."""

_codec: Final = pa.Codec("zstd", compression_level=1)
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(list[Block])


def encode(blocks: Sequence[Block]) -> bytes:
    """Give the payload for the blocks that one flush stored for one owner."""
    plain = _encoder.encode(blocks)
    return len(plain).to_bytes(_SIZE, "little") + bytes(_codec.compress(plain, asbytes=True))


def decode(payload: bytes) -> list[Block]:
    """Read a payload back; its blocks become batches by `city.wire.pack.to_batch`.

    Raises:
        Broken: It isn't one: the database that keeps the journal is damaged.
    """
    size = int.from_bytes(payload[:_SIZE], "little")
    try:
        if size > _MAX_BYTES:
            raise Broken(f"a journal payload of {len(payload)} bytes claims {size} plain ones")
        return _decoder.decode(_codec.decompress(payload[_SIZE:], size, asbytes=True))
    except (OSError, ValueError, msgspec.DecodeError) as error:
        raise Broken(f"a journal payload can't be read: {error}") from error

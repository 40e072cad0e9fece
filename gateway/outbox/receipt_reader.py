"""Which receipts a gateway believes."""

import math
import time
from typing import Final

import structlog

from city.errors import Malformed
from city.mqtt import Message
from city.wire import receipt
from city.wire.receipt import Receipt

_LOG_INTERVAL_S: Final = 60.0

_log = structlog.get_logger(__name__)


class ReceiptReader:
    """Reads receipts, and refuses those that ingest did not sign if there is a key.

    Args:
        gateway: Id of this gateway, which is under the signature.
        key: What it shares with ingest; None: every receipt is believed, as the broker alone says who may send one.

    Attributes:
        refused: Receipts without a good signature since the start.
    """

    def __init__(self, gateway: str, key: bytes | None) -> None:
        self._gateway = gateway
        self._key = key
        self._logged_s = -math.inf
        self.refused = 0

    def read(self, message: Message) -> Receipt | None:
        """Give what may be believed."""
        try:
            found = receipt.decode(message.payload)
        except Malformed as error:
            _log.warning("receipt not understood", topic=message.topic, reason=error.reason, detail=error.detail)
            return None
        if self._key is None or receipt.is_genuine(found, self._gateway, self._key):
            return found
        self.refused += 1
        now_s = time.monotonic()
        if now_s - self._logged_s >= _LOG_INTERVAL_S:
            self._logged_s = now_s
            _log.warning(
                "receipts refused: not signed by ingest with this gateway's key; their packs stay and are sent again",
                topic=message.topic,
                is_signed=bool(found.hmac),
                refused=self.refused,
            )
        return None

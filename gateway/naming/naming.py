"""What a city calls what its gateways hear: rules, then pseudonyms, over what decoders read. No file, no clock."""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from city.names import MakeId, made_id
from city.reading import Reading
from gateway.decoders import Context, Origin
from gateway.decoders.mapping import JsonMapping
from gateway.naming.pseudonyms import Pseudonyms
from gateway.naming.rules import Codecs, Rule


class Naming:
    """All rules of one gateway.

    Args:
        devices: A decoder's id (`eui-...`, `imei-...`) to what is said of it.
        patterns: Patterns of match keys with what is said of all that comes so; the first that matches counts, and only
            for devices that `devices` lacks. A match key is the MQTT topic, or `input/decoder` where there is none.
        mappings: Name to mapping of foreign JSON.
        pseudonyms: Hides personal ids.

    Attributes:
        mark: Names the key of the pseudonyms; empty without.
    """

    def __init__(
        self,
        devices: Mapping[str, Rule] = MappingProxyType({}),
        patterns: tuple[tuple[re.Pattern[str], Rule], ...] = (),
        mappings: Mapping[str, JsonMapping] = MappingProxyType({}),
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        self._devices = devices
        self._patterns = patterns
        self.mappings = mappings
        self._pseudonyms = pseudonyms
        self._codecs = {device: rule.codec for device, rule in devices.items() if rule.codec is not None}
        self._match = lru_cache(maxsize=4096)(self._find_match)
        self.mark = "" if pseudonyms is None else pseudonyms.mark

    def context(self, origin: Origin, received_ns: int, ids: MakeId = made_id) -> Context:
        """Give the decoder's context; nanoseconds UTC."""
        rule = self.shared_rule(origin)
        return Context(
            received_ns,
            origin.parameters.get("device"),
            origin.parameters.get("kind"),
            origin.parameters,
            self._codecs if rule is None or rule.codec is None else Codecs(self._codecs, rule.codec),
            self.mappings,
            ids,
        )

    def shared_rule(self, origin: Origin) -> Rule | None:
        """Find what is said of all that has this origin's match key; None: nothing."""
        if not self._patterns:
            return None
        # of other inputs the topic is a parameter that any sender can choose
        topic = origin.parameters.get("topic") if origin.input == "mqtt" else None
        return self._match(topic or f"{origin.input}/{origin.decoder}")

    def rule(self, device: str, shared: Rule | None) -> Rule | None:
        """Find what is said of a decoder's device; None: nothing."""
        return self._devices.get(device, shared)

    def names(self, device: str) -> bool:
        """Say whether something is said of a decoder's device alone."""
        return device in self._devices

    def displayed(self, device: str) -> str:
        """Give a decoder's id as it may be displayed: its pseudonym if it has one."""
        return device if self._pseudonyms is None else self._pseudonyms.device(device)

    def name(self, reading: Reading, rule: Rule | None) -> Reading | None:
        """Name a reading as its rule says; None if nothing of it is kept.

        Raises:
            Malformed: A value doesn't fit its unit.
        """
        named = reading if rule is None else rule.apply(reading)
        return named if named is None or self._pseudonyms is None else self._pseudonyms.hide(named)

    def _find_match(self, match_key: str) -> Rule | None:
        return next((rule for pattern, rule in self._patterns if pattern.fullmatch(match_key)), None)

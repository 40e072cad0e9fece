"""Ids that devices had before an upgrade, and keep; in a file beside the spool.

The file is empty where the gateway was new: then the rule of `city.names` alone counts. Where an older version left a
spool or a registry behind, its first line says which devices the city knew then (`null`: nothing says it), and each
further line that a name keeps an old id. An old id is kept by one name, the first that comes; the file holds ids as the
city shows them, and names as checksums.
"""

import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

import structlog

from city.errors import ConfigurationError, Malformed
from city.names import MAX_KEPT, MakeId, Name, letters, levels_of, made_id, told_apart
from gateway.naming.naming import Naming
from gateway.naming.old_names import old_id

MAX_NAMES: Final = 20_000
"""Names that keep an old id; later ones have the new."""

_log = structlog.get_logger(__name__)


def begin(file: Path, spool: Path, known: Collection[str] | None) -> None:
    """Make the file where there is none: at the first start of a gateway, or at its first after an upgrade.

    Args:
        file: The file.
        spool: The gateway's spool, which an older version may have left.
        known: Devices that the city knows; None: nothing says which.

    Raises:
        ConfigurationError: It can't be written.
    """
    if file.exists():
        return
    row = {"known": None if known is None else sorted(known)}
    first = f"{json.dumps(row)}\n" if known or spool.exists() else ""
    draft = file.with_name(f"{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(first, "utf-8")
        draft.replace(file)
    except OSError as error:
        raise ConfigurationError(f"{file} can't be written: {error.strerror}") from None


def ids_of(file: Path, naming: Naming) -> MakeId:
    """Give what makes ids here: the rule, or, after an upgrade, what also knows the old ids.

    Raises:
        ConfigurationError: The file can't be read.
    """
    try:
        return KeptNames(file, naming) if file.exists() and file.stat().st_size else made_id
    except OSError as error:
        raise ConfigurationError(f"{file} can't be read: {error.strerror}") from None


class KeptNames:
    """Makes ids by the rule, but for the names that keep an old one.

    Args:
        file: The file; `begin` made it.
        naming: Which old ids the city names otherwise, and how it shows them.

    Raises:
        ConfigurationError: The first line is none of ours.
        OSError: The file can't be read.
    """

    def __init__(self, file: Path, naming: Naming) -> None:
        self._file = file
        self._naming = naming
        self._size = 0
        self._owners: dict[str, str] = {}
        self._ids: dict[tuple[Name, str], str] = {}
        first = file.read_text("utf-8").partition("\n")[0]
        try:
            known = json.loads(first)["known"]
            self._known = None if known is None else frozenset(known)
        except (ValueError, KeyError, TypeError):
            raise ConfigurationError(f"the first line of {file} is not what a gateway wrote there") from None
        self._read()

    def __len__(self) -> int:
        """Old ids that names keep."""
        return len(self._owners)

    def __call__(self, name: Name, prefix: str) -> str:
        """Give the id of a name, as `made_id` does.

        Raises:
            Malformed: `bad_device`.
        """
        asked = (name, prefix)
        found = self._ids.get(asked)
        if found is None:
            found = self._find(name, prefix)
            if letters(name) <= MAX_KEPT and len(self._ids) < MAX_NAMES:
                self._ids[asked] = found
        return found

    def _find(self, name: Name, prefix: str) -> str:
        today, who = made_id(name, prefix), _checksum(name, prefix)
        self._read()  # another process may have heard it first
        for before in self._old_ids(name, prefix):
            owner = self._owners.get(self._shown(before))
            if owner is None and self._may_keep(before):
                self._keep(before, who)
                if before != today and before == self._shown(before):
                    _log.warning("named otherwise today", name=str(name)[:MAX_KEPT], device=before, today=today)
                return before
            if owner == who:
                return before
        return told_apart(name, prefix) if self._owners.get(self._shown(today), who) != who else today

    def _old_ids(self, name: Name, prefix: str) -> Iterator[str]:
        """Give the id that the name had as it came, where the city tells what it knows, and in its one spelling."""
        levels = levels_of(name)
        spelled = levels[0] if isinstance(name, str) else levels
        for each in dict.fromkeys((spelled,) if self._known is None else (name, spelled)):
            with suppress(Malformed):
                yield old_id(each, prefix)

    def _may_keep(self, before: str) -> bool:
        if len(self._owners) >= MAX_NAMES:
            return False
        return self._known is None or self._shown(before) in self._known or self._naming.names(before)

    def _keep(self, before: str, who: str) -> None:
        shown = self._shown(before)
        self._owners[shown] = who
        with suppress(OSError), self._file.open("a", encoding="utf-8") as file:  # lost, it is given again
            file.write(json.dumps({"id": shown, "name": who}) + "\n")

    def _shown(self, device: str) -> str:
        return self._naming.displayed(device)

    def _read(self) -> None:
        """Take in what the file has more than before; a line that a crash cut is passed over."""
        with suppress(OSError):
            if self._file.stat().st_size == self._size:
                return
            content = self._file.read_bytes()
            self._size = len(content)
            for line in content.splitlines()[1:]:
                with suppress(ValueError, KeyError, TypeError):
                    row = json.loads(line)
                    self._owners.setdefault(row["id"], row["name"])


def _checksum(name: Name, prefix: str) -> str:
    text = json.dumps([prefix, *levels_of(name)])
    return sha256(text.encode()).hexdigest()[:32]

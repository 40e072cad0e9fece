"""One lock, one platform: every supported Python gets the same packages, so checks that pass on one pass on all."""

import re
from collections import Counter
from pathlib import Path

LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"


def test_every_python_gets_the_same_version_of_a_package() -> None:
    pinned = Counter(re.findall(r"^([\w.-]+)(?:\[.*\])?==", LOCK.read_text("utf-8"), re.MULTILINE))
    assert pinned
    assert [name for name, versions in pinned.items() if versions > 1] == []

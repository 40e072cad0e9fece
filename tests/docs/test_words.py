"""The code speaks the field's words; docs/glossary.md holds those of our own that stay."""

import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from support.pages import ROOT, prose

ROOMS: Final = ("api", "bench", "city", "dashboards", "gateway", "ingest", "korat", "simulators")

KEPT: Final = (
    "backoff cadence catalog codec completeness custody decoder fingerprint flush journal kind ledger pack quarantine "
    "re-drive receipt registry settle spool worker"
).split()

PRIVATE_NAMES: Final = re.compile(
    # who speaks and listens: the component is the subject, and it publishes, receives or reports
    r"_?(say|says|speak|speaks|spoke|tells|hear|hears|whoever|nobody|somebody|came|way"
    # names of parts that have the field's name now
    r"|Lanes|Stretch|Speech|Speeches|Allowance|Doors|Talk|Sheet|Peak|Shown|Courier|HeldSuspect|SuspectState"
    r"|Behind|Encoded|Places|Heads|Newcomers|SettledMeanwhile|Everything|Intake|Reporter|suspects?"
    r"|farewell|vitals|tongue|either|patience|courier|glide|dusk_and_dawn|overwritten|storing_lag"
    r"|(most|MOST|LEAST)_\w+"
    r")"
)
"""Whole identifiers that no code of ours may have."""

PRIVATE_MODULES: Final = frozenset(
    "alone books commands courier farewell figures foreign glide guess lanes links loop looks moment noise ports pulse "
    "rooms slots stack vitals vocabulary window".split()
)

_ROW: Final = re.compile(r"\| \*\*(.+?)\*\* \| (.+?) \| (.+?) \|")


def test_the_glossary_explains_every_word_that_stays() -> None:
    rows = [match.groups() for _, line in prose(ROOT / "docs" / "glossary.md") if (match := _ROW.fullmatch(line))]
    words = [word for word, _, _ in rows]
    assert set(KEPT) <= set(words)
    assert words == sorted(words)
    for word, meaning, elsewhere in rows:
        assert re.fullmatch(r"[A-Z0-9].*\.", meaning), word
        assert elsewhere, word


@pytest.mark.parametrize("word", KEPT)
def test_a_word_of_the_glossary_is_in_use(word: str) -> None:
    spelled = word.replace("-", "")
    assert any(spelled in name.lower() for _, name in names()), f"{word} is in no code any more"


def test_no_name_in_the_code_is_a_private_word() -> None:
    found = sorted({f"{where}: {name}" for where, name in names() if PRIVATE_NAMES.fullmatch(name)})
    assert not found, "\n".join(found)


def test_no_module_has_a_private_name() -> None:
    assert [str(file.relative_to(ROOT)) for file in modules() if file.stem in PRIVATE_MODULES] == []


def test_private_words_are_found_as_whole_names_and_not_in_text(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text('"""Nobody came."""\nways = 1\n\ndef came(way: int) -> None:\n    hearing.hear()  # nobody\n')
    found = [name for name in identifiers(file) if PRIVATE_NAMES.fullmatch(name)]
    assert found == ["came", "way", "hear"]


def modules() -> Iterator[Path]:
    for room in ROOMS:
        yield from (ROOT / room).rglob("*.py")


@cache
def names() -> tuple[tuple[str, str], ...]:
    """Give every identifier of the product with its file."""
    return tuple((str(file.relative_to(ROOT)), name) for file in modules() for name in identifiers(file))


def identifiers(file: Path) -> Iterator[str]:
    with tokenize.open(file) as text:
        for token in tokenize.generate_tokens(text.readline):
            if token.type == tokenize.NAME:
                yield token.string

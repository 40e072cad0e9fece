"""docs/settings.md lists every setting and no other."""

import re
from pathlib import Path

from city.settings import Settings, variable
from korat import reference
from korat.settings import SECTIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def test_every_setting_is_documented_and_no_other() -> None:
    documented = re.findall(r"^\| `(KORAT_\w+)` \|", PAGE.read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(variable(cls, key) for cls in SECTIONS for key in cls.model_fields)


def test_every_class_of_settings_is_known() -> None:
    assert set(Settings.__subclasses__()) >= set(SECTIONS)
    # tests make classes of their own, in modules that --import-mode=importlib names tests.*
    rooms = {cls for cls in Settings.__subclasses__() if not cls.__module__.startswith(("tests.", "test_"))}
    assert rooms == set(SECTIONS)


def test_every_key_has_a_meaning_in_its_class() -> None:
    for cls in SECTIONS:
        assert list(reference.meanings(cls)) == list(cls.model_fields), cls


def test_the_page_is_made_of_the_classes() -> None:
    assert PAGE.read_text() == reference.page(), "run: python -m korat.reference > docs/settings.md"

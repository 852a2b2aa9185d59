"""Languages: no text without a translation, and every placeholder in each of them."""

import re
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

from medcore.i18n import LANGUAGES, LOCALE, N_, _, language, preferred
from medcore.settings import REPO

PLACEHOLDER = re.compile(r"{[^{}]*}")
OTHERS = [name for name in LANGUAGES if name != "en"]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Every text that the code marks, and where it stands."""
    found = {}
    for room in ("medcore", "app", "pages"):
        for file, line, text, _comments, _context in extract_from_dir(
            REPO / room, keywords={**DEFAULT_KEYWORDS, "N_": None}
        ):
            found[str(text)] = f"{room}/{file}:{line}"
    return found


def catalogue(name: str) -> Catalog:
    with (LOCALE / name / "LC_MESSAGES" / "medcore.po").open("rb") as file:
        return read_po(file, name)


@pytest.mark.parametrize("name", OTHERS)
def test_every_text_is_translated_and_none_is_left_over(texts: dict[str, str], name: str) -> None:
    found = {str(m.id): m for m in catalogue(name) if m.id}
    missing = {text: where for text, where in texts.items() if text not in found or not found[text].string}
    assert len(texts) > 1000 and not missing, f"{len(missing)} texts have no translation (make texts): {missing}"
    assert not found.keys() - texts.keys(), "texts that the code no longer has (make texts)"
    assert not [m.id for m in found.values() if m.fuzzy]


@pytest.mark.parametrize("name", OTHERS)
def test_placeholders_and_spaces_at_the_ends_are_those_of_the_text(name: str) -> None:
    for message in catalogue(name):
        text, said = str(message.id), str(message.string)
        assert Counter(PLACEHOLDER.findall(text)) == Counter(PLACEHOLDER.findall(said)), text
        assert not text or (text[0] == " ", text[-1] == " ") == (said[0] == " ", said[-1] == " "), text


def test_chinese_is_chinese() -> None:
    """A translation without a Chinese character is a name, a unit or a format, and as short as one."""
    latin = [str(m.id) for m in catalogue("zh") if m.id and not re.search("[\u4e00-\u9fff]", str(m.string))]
    assert not [text for text in latin if len(re.findall(r"[a-z]{3,}", PLACEHOLDER.sub("", text))) > 3], latin


def test_a_text_is_told_in_the_language_of_its_context() -> None:
    assert _("Worklist") == "Worklist"
    token = language.set("zh")
    try:
        assert _("Worklist") != "Worklist" and _("no such text") == "no such text"
    finally:
        language.reset(token)
    assert N_("Worklist") == "Worklist"


def test_the_first_wish_that_there_is_wins() -> None:
    assert preferred(None, "fr-CH", "zh-CN", "en") == "zh"
    assert preferred("nonsense", "") == "en"
    assert preferred("en", "zh") == "en"


def test_a_language_is_a_file_in_its_place() -> None:
    assert {Path(f).parts[0] for f in map(str, (p.relative_to(LOCALE) for p in LOCALE.rglob("*.po")))} == set(OTHERS)

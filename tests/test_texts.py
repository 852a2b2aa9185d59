"""Languages: no text without a translation, and every placeholder in each of them."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from medcore.i18n import LANGUAGES, LOCALE, N_, PLACEHOLDER, _, in_english, language, preferred, retold
from medcore.settings import REPO
from tests.texts import texts as marked

BRACES = re.compile(r"{[^{}]*}")
OTHERS = [name for name in LANGUAGES if name != "en"]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return marked()


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
        assert Counter(BRACES.findall(text)) == Counter(BRACES.findall(said)), text
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


def test_a_route_says_nothing_that_is_not_marked() -> None:
    bare = []
    for path in (REPO / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("TextResponse"):
                told = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                bare += [f"{path.name}: {text}" for text in told]
    assert bare == []


def test_what_was_kept_in_english_is_told_in_the_readers_language() -> None:
    with in_english():
        kept = [
            _("Left lower zone"),
            _("Lead {lead}, {a:.0f} to {b:.0f} s").format(lead="V3", a=2.0, b=3.0),
            _("This is here already, as {number}.").format(number="ECG-0004") + " " + _("Try again."),
        ]
    token = language.set("zh")
    try:
        zone, lead, two = map(retold, kept)
        assert zone == _("Left lower zone") != kept[0]
        assert "V3" in lead and "2" in lead and "to" not in lead
        assert "ECG-0004" in two and two.endswith(_("Try again.")) and "here" not in two
        assert retold("nothing that we have said") == "nothing that we have said"
    finally:
        language.reset(token)
    assert retold(kept[0]) == kept[0]


def test_the_first_wish_that_there_is_wins() -> None:
    assert preferred(None, "fr-CH", "zh-CN", "en") == "zh"
    assert preferred("nonsense", "") == "en"
    assert preferred("en", "zh") == "en"


def test_a_language_is_a_file_in_its_place() -> None:
    assert {Path(f).parts[0] for f in map(str, (p.relative_to(LOCALE) for p in LOCALE.rglob("*.po")))} == set(OTHERS)

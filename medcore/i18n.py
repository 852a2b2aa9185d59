"""Text in the reader's language, as gettext does it. A language is one file, locale/<language>/LC_MESSAGES/medcore.po,
and a line in LANGUAGES; `make texts` brings its list of texts up to date.

What is kept in the database is told in English (`in_english`), and in the reader's language when shown (`retold`).
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from pathlib import Path

LOCALE = Path(__file__).parent / "locale"
LANGUAGES = {"en": "English", "zh": "中文"}  # each by its own name
language: ContextVar[str] = ContextVar("language", default="en")
PLACEHOLDER = re.compile(r"{(\w+)[^{}]*}")


def preferred(*wishes: str | None) -> str:
    """The language of the first wish ("zh", "en-GB") that there is; English where there is none."""
    return next((name for wish in wishes if wish and (name := wish.split("-")[0].lower()) in LANGUAGES), "en")


@contextmanager
def in_english() -> Iterator[None]:
    """What is told within will be kept."""
    token = language.set("en")
    try:
        yield
    finally:
        language.reset(token)


@cache
def _catalogue(name: str) -> Mapping[str, str]:
    file = LOCALE / name / "LC_MESSAGES" / "medcore.po"
    if not file.is_file():  # the language that the texts are written in
        return {}
    from babel.messages.pofile import read_po

    with file.open("rb") as texts:
        return {str(m.id): str(m.string) for m in read_po(texts, name) if m.id and m.string}


def _(text: str) -> str:
    """`text` in the language of the running context; itself where there is no translation."""
    return _catalogue(language.get()).get(text, text)


def N_(text: str) -> str:
    """Mark `text` for translation where it is written; `_` translates it where it is shown."""
    return text


@cache
def _patterns(name: str) -> list[tuple[re.Pattern[str], str]]:
    """Of each text with placeholders what it looks like when they are filled, and its translation; the most telling
    first. Formats are left out: what is filled in is text by now."""
    found = []
    for text, said in _catalogue(name).items():
        bare = PLACEHOLDER.sub("", text)
        if bare != text and re.search("[A-Za-z]{4}", bare):
            parts = [re.escape(p) if i % 2 == 0 else f"(?P<{p}>.+?)" for i, p in enumerate(PLACEHOLDER.split(text))]
            if len(set(parts[1::2])) == len(parts[1::2]):
                found.append((len(bare), re.compile("".join(parts), re.DOTALL), PLACEHOLDER.sub(r"{\1}", said)))
    return [(pattern, said) for _n, pattern, said in sorted(found, key=lambda entry: -entry[0])]


@lru_cache(4096)
def _retold(text: str, name: str) -> str:
    known = _catalogue(name)
    if text in known:
        return known[text]
    for pattern, said in _patterns(name):
        match = pattern.fullmatch(text)
        if match and not any(". " in value for value in match.groupdict().values()):
            return said.format(**{k: _listed(value, known) for k, value in match.groupdict().items()})
    first, dot, rest = text.partition(". ")
    return _retold(f"{first}.", name) + _retold(rest, name) if dot and rest else text


def _listed(names: str, known: Mapping[str, str]) -> str:
    return ", ".join(known.get(name, name) for name in names.split(", "))


def retold(text: str) -> str:
    """`text`, which was told in English and kept, in the language of the running context."""
    return text if language.get() == "en" else _retold(text, language.get())

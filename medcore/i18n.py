"""Text in the reader's language, by gettext. A language is one file, locale/<language>/LC_MESSAGES/medcore.po, and a
line in LANGUAGES; `make texts` brings its list of texts up to date."""

import gettext
from contextvars import ContextVar
from functools import cache
from io import BytesIO
from pathlib import Path

LOCALE = Path(__file__).parent / "locale"
LANGUAGES = {"en": "English", "zh": "中文"}  # each by its own name
language: ContextVar[str] = ContextVar("language", default="en")


def preferred(*wishes: str | None) -> str:
    """The language of the first wish ("zh", "en-GB") that there is; English where there is none."""
    return next((name for wish in wishes if wish and (name := wish.split("-")[0].lower()) in LANGUAGES), "en")


@cache
def _catalogue(name: str) -> gettext.NullTranslations:
    file = LOCALE / name / "LC_MESSAGES" / "medcore.po"
    if not file.is_file():  # the language that the texts are written in
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    with file.open("rb") as texts:
        write_mo(compiled, read_po(texts, name))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _(text: str) -> str:
    """`text` in the language of the running context; itself where there is no translation."""
    return _catalogue(language.get()).gettext(text) if text else ""


def N_(text: str) -> str:
    """Mark `text` for translation where it is written; `_` translates it where it is shown."""
    return text

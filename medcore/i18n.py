"""Text in the reader's language, by gettext. A language is one file: locale/<language>/LC_MESSAGES/medcore.po."""

import gettext
from contextvars import ContextVar
from functools import cache
from pathlib import Path

LOCALE = Path(__file__).parent / "locale"
language: ContextVar[str] = ContextVar("language", default="en")


@cache
def _catalogue(name: str) -> gettext.NullTranslations:
    return gettext.translation("medcore", LOCALE, languages=[name], fallback=True)


def _(text: str) -> str:
    """`text` in the language of the running context; itself where there is no translation."""
    return _catalogue(language.get()).gettext(text) if text else ""


def N_(text: str) -> str:
    """Mark `text` for translation where it is written; `_` translates it where it is shown."""
    return text

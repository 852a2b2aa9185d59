"""`python -m tests.texts` (`make texts`): brings the lists of texts in medcore/locale up to date, for translators.

Texts are found by the syntax tree: `_("…")` and `N_("…")`, within f-strings too, which Babel's own extraction does not
see before Python 3.12.
"""

import ast

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from medcore.i18n import LOCALE
from medcore.settings import REPO


def texts() -> dict[str, str]:
    """Every text that the code marks, and where it first stands."""
    found: dict[str, str] = {}
    for path in sorted(p for room in ("app", "medcore", "pages") for p in (REPO / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "N_"):
                given = node.args[0]
                if isinstance(given, ast.Constant) and isinstance(given.value, str) and given.value:
                    found.setdefault(given.value, f"{path.relative_to(REPO)}:{node.lineno}")
    return found


def main() -> None:
    wanted = Catalog()
    for text in texts():
        wanted.add(text)
    for file in LOCALE.glob("*/LC_MESSAGES/medcore.po"):
        with file.open("rb") as before:
            known = read_po(before, file.parts[-3])
        known.update(wanted, no_fuzzy_matching=True)
        known.obsolete.clear()
        with file.open("wb") as after:
            write_po(after, known, width=120, sort_output=True)
        left = [str(m.id) for m in known if m.id and not m.string]
        print(f"{file.relative_to(REPO)}: {len(known)} texts, {len(left)} without a translation")


if __name__ == "__main__":
    main()

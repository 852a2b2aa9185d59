"""XML read safely: nothing is fetched, nothing is expanded, and what swells beyond a limit is refused."""

import xml.etree.ElementTree as ElementTree
from xml.parsers import expat

from medcore.errors import Refused
from medcore.i18n import _

MAX_DEPTH = 100
MAX_ELEMENTS = 200_000


def parse(content: bytes) -> ElementTree.Element:
    """The root element, with names less their namespace.

    A document type may name an external definition (MUSE files do), which is never fetched. One that defines anything
    itself is refused before its first element is read: entities are how a small file becomes a large one.
    """
    builder = ElementTree.TreeBuilder()
    open_now = total = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal open_now, total
        open_now, total = open_now + 1, total + 1
        if open_now > MAX_DEPTH or total > MAX_ELEMENTS:
            raise Refused(
                _("The XML file has more parts than a recording needs."),
                _("It may be made to do harm. Export the recording again from its source."),
            )
        builder.start(_local(name), {_local(k): v for k, v in attributes.items()})

    def end(name: str) -> None:
        nonlocal open_now
        open_now -= 1
        builder.end(_local(name))

    def doctype(_name: str, _system: str | None, _public: str | None, defines: int) -> None:
        if defines:
            raise _definitions()

    def entity(*_declared: object) -> None:
        raise _definitions()

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(content, True)
        return builder.close()
    except (expat.ExpatError, ValueError, LookupError):
        raise Refused(_("The XML file is cut off or damaged."), _("Copy or export it again from its source.")) from None


def _definitions() -> Refused:
    return Refused(
        _("The XML file defines entities or a document type of its own, which isn't read."),
        _("It may be made to do harm. Export the recording again from its source."),
    )


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def text(element: ElementTree.Element | None, path: str) -> str:
    """The text of the first element at `path`, without blanks around it; "" where there is none."""
    return "" if element is None else (element.findtext(path) or "").strip()

"""ZIP files: their entries, within limits."""

import io
import posixpath
import stat
import zipfile

from medcore.errors import Refused
from medcore.i18n import _
from medcore.readers.base import MAX_DECODED

MAX_ENTRIES = 20_000
MAX_RATIO = 200
_JUNK = frozenset([".ds_store", "thumbs.db", "desktop.ini"])


def names(content: bytes) -> list[str]:
    """The names of a ZIP's entries; [] where it can't be read."""
    try:
        return zipfile.ZipFile(io.BytesIO(content)).namelist()
    except Exception:
        return []


def unpack(content: bytes) -> dict[str, bytes]:
    """The files in a ZIP by their names in it, in order. What the operating systems add is passed over.

    Raises Refused for one that is damaged or locked, that would swell beyond the limits, or that holds names that
    lead out of it, links or further ZIPs.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except Exception:
        raise _damaged() from None
    entries = [e for e in archive.infolist() if not e.is_dir()]
    check(entries, len(content))
    kept = [e for e in entries if not _is_junk(e.filename)]
    try:
        files = {e.filename: archive.read(e) for e in kept}
    except NotImplementedError:
        raise Refused(
            _("The ZIP is packed in a way that isn't read."), _("Pack the files again with the usual method (Deflate).")
        ) from None
    except Exception:
        raise _damaged() from None
    if not files:
        raise Refused(_("The ZIP holds no files."), _("Pack the files themselves and upload it again."))
    return files


def _damaged() -> Refused:
    return Refused(_("The ZIP or Excel file is cut off or damaged."), _("Pack or save it again."))


def check(entries: list[zipfile.ZipInfo], packed: int) -> None:
    """Refuse by the directory alone, before anything is unpacked."""
    total = sum(e.file_size for e in entries)
    if len(entries) > MAX_ENTRIES:
        raise Refused(
            _("The ZIP holds more than {n:,} files.").format(n=MAX_ENTRIES), _("Split it and upload the parts.")
        )
    if total > MAX_DECODED or (total > 16 * 2**20 and total > MAX_RATIO * packed):
        raise Refused(
            _("The ZIP would unpack to {size:,.0f} MB, which is too much.").format(size=total / 2**20),
            _("Split it and upload the parts; if it should be small, it is damaged or made to do harm."),
        )
    for entry in entries:
        if entry.flag_bits & 1:
            raise Refused(_("The ZIP is locked by a password."), _("Pack the files again without one."))
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise Refused(_("The ZIP holds a link to another file."), _("Pack the files themselves."))
        if _leads_out(entry.filename):
            raise Refused(
                _("The ZIP holds a name that leads out of its own folder."),
                _("It may be made to do harm. Pack the files again."),
            )
        if entry.filename.lower().endswith(".zip") and not _is_junk(entry.filename):
            raise nested()


def nested() -> Refused:
    return Refused(_("The ZIP holds another ZIP."), _("Unpack it once and upload what is in it."))


def _leads_out(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name


def _is_junk(name: str) -> bool:
    base = posixpath.basename(name)
    return "__MACOSX/" in name or base.startswith("._") or base.lower() in _JUNK

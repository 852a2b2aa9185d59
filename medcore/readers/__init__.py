"""Files in, inputs out: one file a format, chosen by what is in a file, never by its name alone."""

import posixpath
from collections import ChainMap
from collections.abc import Mapping
from typing import TYPE_CHECKING

from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import Input
from medcore.readers import archive, own, sniff
from medcore.readers.base import Found, Reading, Refusal, no_memory
from medcore.readers.decoder import decode, decode_each, decode_table
from medcore.readers.table import Table

if TYPE_CHECKING:
    from medcore.readers.groups import Group

__all__ = [
    "Found",
    "Reading",
    "Refusal",
    "Table",
    "again",
    "decode",
    "decode_each",
    "decode_table",
    "files_of",
    "is_table",
    "read",
    "read_each",
    "read_table",
]


def read(files: Mapping[str, bytes], key: bytes = b"", mapping: Mapping[str, str] | None = None) -> list[Found]:
    """Every input in these files.

    files: name → bytes, in any mix; ZIPs are opened, WFDB headers find their signal files, one row of a table is one
        record. Names serve to find what belongs together and are kept nowhere.
    key: secret for the patients' date offsets and for new UIDs; without it dates are left out
    mapping: column of a table → column of the record (see `table.records`)

    Raises Refused, saying what was wrong with the first file that can't be read.
    """
    return read_each(files, key, mapping).all()


def read_each(files: Mapping[str, bytes], key: bytes = b"", mapping: Mapping[str, str] | None = None) -> Reading:
    """As `read`, but a file that can't be read doesn't keep the others from being read."""
    items, refused = _unpack(files)
    found = _stacks(items)
    kinds: dict[str, str] = {}
    foreign: dict[str, Refused] = {}
    for name, content in items.items():
        try:
            kinds[name] = sniff.kind(content)
        except Refused as error:
            foreign[name] = error
    jobs = _jobs(items, kinds)
    taken_along = {full for parts in jobs.values() if not isinstance(parts, Refused) for full in parts.values()}
    groups = _groups(items, kinds)
    taken_along |= {name for group in groups.values() for name in group.names[1:]}
    for name, parts in jobs.items():
        if name in taken_along:
            continue
        try:
            if isinstance(parts, Refused):
                raise parts
            found += _read_one(name, kinds[name], items, parts, groups.get(name), key, mapping)
        except Refused as error:
            refused.append(Refusal(name, error, packed=name not in files))
        except MemoryError:
            refused.append(Refusal(name, no_memory(), packed=name not in files))
        except Exception:
            # A damaged file can fail in as many ways as the libraries have lines; all mean the same to a person.
            refused.append(Refusal(name, _damaged(), packed=name not in files))
    refused += [
        Refusal(name, error, foreign=True, packed=name not in files)
        for name, error in foreign.items()
        if name not in taken_along
    ]
    if not found and not refused:
        refused.append(Refusal("", Refused(_("Nothing was uploaded."), _("Choose at least one file."))))
    return Reading(tuple(found), tuple(refused))


def again(files: Mapping[str, bytes]) -> list[Input]:
    """What is in the files of one Found, by the shorter way: nothing is cleaned, and facts may be missing."""
    if all(content[128:132] == b"DICM" for content in files.values()):
        from medcore.readers import groups

        return groups.again(files)
    return [found.input for found in read(files)]


def _damaged() -> Refused:
    return Refused(_("The file is damaged and can't be read."), _("Copy or export it again from its source."))


def _unpack(files: Mapping[str, bytes]) -> tuple[dict[str, bytes], list[Refusal]]:
    """All files, those in ZIPs as "zip/entry"."""
    items: dict[str, bytes] = {}
    refused = []
    for name, content in files.items():
        try:
            if content.startswith(b"PK") and sniff.kind(content) == "zip":
                items |= {f"{name}/{entry}": inner for entry, inner in archive.unpack(content).items()}
                continue
        except sniff.Foreign:
            pass
        except Refused as error:
            refused.append(Refusal(name, error))
            continue
        items[name] = content
    return items, refused


def _jobs(items: Mapping[str, bytes], kinds: Mapping[str, str]) -> dict[str, dict[str, str] | Refused]:
    """What is read → base name and full name of the files that it takes along (signal files, WFDB segments)."""
    folders: dict[str, dict[str, str]] = {}
    for name in items:
        folders.setdefault(posixpath.dirname(name), {})[posixpath.basename(name)] = name
    anywhere = {base: name for folder in folders.values() for base, name in folder.items()}
    jobs: dict[str, dict[str, str] | Refused] = {}
    for name, kind in kinds.items():
        places = ChainMap(folders[posixpath.dirname(name)], anywhere)
        jobs[name] = _parts(name, items, places) if kind == "wfdb" else {}
    for first, *others in _grids(kinds):
        jobs[first] = {name: name for name in others}
    return jobs


def _grids(kinds: Mapping[str, str]) -> list[list[str]]:
    """NIfTI files that may be the sequences of one patient."""
    names = [name for name, kind in kinds.items() if kind == "nifti"]
    if not names:
        return []
    from medcore.readers import nifti

    return nifti.groups(names)


def _stacks(items: dict[str, bytes]) -> list[Found]:
    """Stacks of numbered colour pictures, which are taken out of `items` together with their masks."""
    from medcore.readers import stack

    found = []
    for names, masks in stack.groups(items):
        try:
            given = stack.read({name: items[name] for name in names}, posixpath.basename(names[0]).rsplit("_", 1)[0])
        except Refused:  # too large together: each is read by itself
            continue
        if given:
            found.append(given)
            for name in (*names, *masks):
                del items[name]
    return found


def _parts(name: str, items: Mapping[str, bytes], places: Mapping[str, str]) -> dict[str, str] | Refused:
    """Base and full names of what a WFDB header needs, as far as it is there."""
    from medcore.readers import wfdb

    try:
        wanted = wfdb.parts(items[name], lambda base: items[places[base]] if base in places else None)
    except Refused as error:
        return error
    return {base: places[base] for base in wanted if base in places and places[base] != name}


def _groups(items: Mapping[str, bytes], kinds: Mapping[str, str]) -> "dict[str, Group]":
    """The DICOM files by what they form, by the name of the first file of each."""
    pictures = {name: items[name] for name, kind in kinds.items() if kind == "dicom"}
    if not pictures:
        return {}
    from medcore.readers.groups import groups

    return {group.names[0]: group for group in groups(pictures)}


def _read_one(
    name: str,
    kind: str,
    items: Mapping[str, bytes],
    parts: Mapping[str, str],
    group: "Group | None",
    key: bytes,
    mapping: Mapping[str, str] | None,
) -> list[Found]:
    content = items[name]
    case = posixpath.splitext(posixpath.basename(name))[0]
    if kind == "dicom":
        from medcore.readers import dicom, groups

        return groups.read(group, key, case) if group else [dicom.read(content, key, case)]
    if kind == "nifti":
        from medcore.readers import nifti

        return nifti.read({name: content, **{full: items[full] for full in parts.values()}}, case)
    if kind == "raster":
        from medcore.readers import raster

        return [raster.read(content, case)]
    if kind == "wfdb":
        from medcore.readers import wfdb

        return wfdb.read(content, {base: items[full] for base, full in parts.items()}, case)
    if kind in ("edf", "aecg", "muse"):
        from medcore.readers import aecg, edf, muse

        read_ecg = {"edf": edf.read, "aecg": aecg.read, "muse": muse.read}[kind]
        return read_ecg(content, key, case)
    if kind == "zip":
        raise archive.nested()
    if kind == "own":
        given = own.read(content)
        return [Found(given, own.write(given), case=case)]
    from medcore.readers import table

    read_table_of = table.read_excel if kind == "excel" else table.read_csv
    return table.records(read_table_of(content), mapping, case)


def is_table(content: bytes) -> bool:
    """Whether a file is a table, by its first bytes."""
    try:
        return sniff.kind(content) in ("csv", "excel")
    except Refused:
        return False


def read_table(files: Mapping[str, bytes]) -> Table:
    """The one table among these files, to map its columns. In memory only: its rows may name somebody."""
    from medcore.readers import table

    for content in files.values():
        if is_table(content):
            return table.read_excel(content) if sniff.kind(content) == "excel" else table.read_csv(content)
    raise Refused(_("None of these files is a table."), _("Upload a CSV or Excel file with a header line."))


def files_of(given: Input) -> dict[str, bytes]:
    """One neutral file from which `read` gives this input again: for what was typed or simulated."""
    return own.write(given)

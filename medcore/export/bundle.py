"""Replay bundles: a ZIP with all that it takes to compute an answer again, less the package itself.

    bundle.json                what was answered, by what, of which files (see `write`)
    inputs/FIELD/NAME          the cleaned files of each input

A bundle comes from anywhere: it is unpacked within limits, each file must be the one that bundle.json names by its
SHA-256 and no other may be there, and it is decoded in the same limited child process as an upload.
"""

import hashlib
import io
import json
import math
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from medcore import __version__
from medcore.errors import Refused
from medcore.export.report import RESEARCH, Report
from medcore.i18n import _
from medcore.inputs import Field, Input, joined, sha256
from medcore.learn.predict import Answer
from medcore.readers import archive, decode
from medcore.readers.base import clean_facts
from medcore.tasks import all_tasks

FORMAT = 1
LONGEST = 4 * 2**20  # of bundle.json, in bytes
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Bundle:
    """A bundle that was read and found whole. case: the number that it had where it was made."""

    case: str
    answer: Answer
    inputs: Mapping[str, Input]


def write(report: Report, settings: Mapping[str, Any], files: Mapping[str, Mapping[str, bytes]]) -> bytes:
    """The bundle of a report. files: of each field's input the cleaned files by their stored name."""
    listed = {}
    for field, parts in files.items():
        given = report.inputs[field]
        listed[field] = {
            "kind": given.kind,
            "sha256": sha256(given),
            "facts": dict(given.facts),
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()},
        }
    about = {
        "format": FORMAT,
        "use": RESEARCH,
        "made": report.made.isoformat(timespec="seconds"),
        "medcore": __version__,
        "case": report.number,
        "patient": report.patient,
        "answer": report.answer.to_json(),
        "settings": dict(settings),
        "inputs": listed,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in _members(about, files):
            packed.writestr(zipfile.ZipInfo(name, report.made.timetuple()[:6]), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def _members(about: Mapping[str, Any], files: Mapping[str, Mapping[str, bytes]]) -> list[tuple[str, bytes]]:
    text = json.dumps(about, ensure_ascii=False, indent=1).encode()
    parts = [(f"inputs/{field}/{name}", data) for field, held in files.items() for name, data in held.items()]
    return [("bundle.json", text), *parts]


def read(content: bytes) -> Bundle:
    """Raises Refused, with what is wrong, for anything but a whole bundle of this format."""
    files = archive.unpack(content)
    about = _about(files)
    try:
        answer = Answer.from_json(about["answer"])
        case, listed = str(about["case"])[:40], dict(about["inputs"])
        wanted = {
            f"inputs/{field}/{name}": str(sha) for field, one in listed.items() for name, sha in one["files"].items()
        }
        shown = {
            field: (str(one["sha256"]), {str(k): str(v) for k, v in one["facts"].items()})
            for field, one in listed.items()
        }
        sound = _is_sound(answer) and {f: sha for f, (sha, _facts) in shown.items()} == answer.inputs
    except (KeyError, TypeError, ValueError, AttributeError):
        sound = False
    if not sound:
        raise _damaged()
    if wanted.keys() | {"bundle.json"} != files.keys():
        raise Refused(_("The bundle holds other files than it names."), _("Export the case again."))
    for name, sha in wanted.items():
        if hashlib.sha256(files[name]).hexdigest() != sha:
            raise Refused(
                _("{name} in the bundle is not the file that it was made with.").format(name=name[:80]),
                _("Export the case again."),
            )
    inputs = {}
    for field, (sha, facts) in shown.items():
        start = f"inputs/{field}/"
        own = {n.removeprefix(start): files[n] for n in wanted if n.startswith(start)}
        task = all_tasks().get(answer.task)
        inputs[field] = _input(task.fields.get(field) if task else None, own, sha, facts)
    return Bundle(case, answer, inputs)


def _input(spec: Field | None, files: dict[str, bytes], sha: str, facts: Mapping[str, str]) -> Input:
    """The input that the bundle says its files hold."""
    held: list[Input] = [found.input for found in decode(files)]
    for given in held + (joined(spec, held) if spec else []):
        if sha256(given) == sha:
            return replace(given, facts=clean_facts(facts))  # type: ignore[type-var]
    raise Refused(
        _("The bundle's files don't give the input that was answered."),
        _("Replay it with the release that made it, or export the case again."),
    )


def _about(files: Mapping[str, bytes]) -> dict[str, Any]:
    text = files.get("bundle.json", b"")
    if not text or len(text) > LONGEST:
        raise _damaged()
    try:
        about = json.loads(text)
        version = about["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _damaged() from None
    if version != FORMAT:
        raise Refused(
            _("The bundle has format {n}; this program reads format {m}.").format(n=str(version)[:20], m=FORMAT),
            _("Replay it with the release that made it."),
        )
    return dict(about)


def _is_sound(answer: Answer) -> bool:
    """Whether every part is of its kind: what JSON holds is not yet what `Answer` says."""
    numbers = [*answer.probabilities.values(), *answer.thresholds.values(), answer.unlike]
    numbers += [end for ends in answer.ranges.values() for end in ends]
    texts = [
        answer.task,
        answer.package,
        answer.package_hash,
        answer.choice,
        answer.device,
        *answer.set,
        *answer.absent,
    ]
    texts += [*answer.versions, *answer.versions.values(), *answer.inputs]
    return (
        all(isinstance(v, int | float) and math.isfinite(v) for v in numbers)
        and all(isinstance(t, str) for t in texts)
        and all(_HASH.fullmatch(h) for h in (answer.package_hash, *answer.inputs.values()))
    )


def _damaged() -> Refused:
    return Refused(_("This is no replay bundle, or a damaged one."), _("Export the case again."))

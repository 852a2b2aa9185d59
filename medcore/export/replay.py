"""An answer computed again from its bundle, beside what it was then."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from medcore.errors import Refused
from medcore.export.bundle import Bundle
from medcore.i18n import _
from medcore.learn.devices import pick
from medcore.learn.predict import Answer, answer
from medcore.packages import Package, load
from medcore.settings import Settings
from medcore.tasks import get

CLOSE = 1e-4
EXACT = ("choice", "set", "absent")
NUMBERS = ("probabilities", "ranges", "thresholds")


def replay(bundle: Bundle, settings: Settings, folder: Path | None = None) -> dict[str, Any]:
    """What `python -m medcore replay` prints.

    equal: bit for bit where package, kind of device and versions are those of then, else within CLOSE
    exact: whether bit for bit was asked for; largest_difference: of any number of the answer, None where one is gone
    differs: what is not as it was, each with `what`, `then` and `here`

    Raises Refused where no package of the task is here.
    """
    then = bundle.answer
    package = load(folder) if folder else _package(then, settings)
    if package.about["task"] != then.task:
        raise Refused(
            _("The package answers {other}, not {task}.").format(other=package.about["task"], task=then.task[:40]),
            _("Name a package of that task."),
        )
    now = answer(package, bundle.inputs, device=_device(then, settings))
    changed = [
        {"what": what, "then": a, "here": b}
        for what, a, b in [
            ("package", f"{then.package} {then.package_hash}", f"{now.package} {now.package_hash}"),
            ("device", then.device, now.device),
            *((f"version of {n}", then.versions.get(n), now.versions.get(n)) for n in now.versions),
        ]
        if a != b
    ]
    gaps = dict(_gaps(then, now))
    exact = not changed
    wrong = [
        {"what": name, "then": a, "here": b}
        for name, (a, b, gap) in gaps.items()
        if (gap != 0 if exact else not gap <= CLOSE)
    ]
    wrong += [
        {"what": name, "then": getattr(then, name), "here": getattr(now, name)}
        for name in ((*EXACT, "mask_hash") if exact else EXACT)
        if getattr(then, name) != getattr(now, name)
    ]
    farthest = max(gap for _a, _b, gap in gaps.values())
    same_package = then.package_hash == now.package_hash
    return {
        "task": then.task,
        "package": then.package,
        "case": bundle.case,
        "equal": same_package and not wrong,
        "exact": exact,
        "largest_difference": farthest if math.isfinite(farthest) else None,
        "differs": [*changed, *wrong],
        "probabilities": now.probabilities,
    }


def _gaps(then: Answer, now: Answer) -> Iterator[tuple[str, tuple[Any, Any, float]]]:
    """Every number of the two answers by name, with how far they are apart; infinity where one lacks it."""
    old, new = _numbers(then), _numbers(now)
    for name in old.keys() | new.keys():
        a, b = old.get(name), new.get(name)
        yield name, (a, b, math.inf if a is None or b is None else abs(a - b))


def _numbers(given: Answer) -> dict[str, float]:
    out = {"unlike": given.unlike}
    for name in NUMBERS:
        for label, value in getattr(given, name).items():
            ends: Mapping[str, float] = (
                {" low": value[0], " high": value[1]} if isinstance(value, tuple) else {"": value}
            )
            out |= {f"{name} of {label}{end}": v for end, v in ends.items()}
    return out


def _device(then: Answer, settings: Settings) -> str:
    """The kind of then where it is here and nobody has set another."""
    if settings.device != "auto" or then.device not in ("cpu", "cuda"):
        return settings.device
    try:
        return pick(then.device)
    except Refused:
        return "auto"


def _package(then: Answer, settings: Settings) -> Package:
    """The very package, shipped or stored here; else the shipped one, which the outcome then says."""
    task = get(then.task)
    shipped = settings.models / task.name
    folders = [shipped, *sorted((settings.home / "packages" / task.name).glob("*/"))]
    known = [load(folder) for folder in folders if (folder / "package.json").is_file()]
    same = [package for package in known if package.hash == then.package_hash]
    if same or known:
        return (same or known)[0]
    raise Refused(_("No package of {task} is here.").format(task=task.name), _("Name its folder by --package."))

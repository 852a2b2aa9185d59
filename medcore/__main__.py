"""The command line: python -m medcore --help."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from medcore.errors import Refused
from medcore.i18n import _
from medcore.settings import settings


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="python -m medcore", description=_("Deep learning on patient data, for research.")
    )
    commands = top.add_subparsers(dest="command", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--json", action="store_true", help=_("print JSON"))
        return command

    add("tasks", _("list the tasks and the package that answers each"))
    predict = add("predict", _("answer a case"))
    explain = add("explain", _("say what moved the answer to a case"))
    for command in (predict, explain):
        command.add_argument("task")
        command.add_argument("file", nargs="+", type=Path, help=_("the files of one case, or a ZIP"))
        command.add_argument("--package", type=Path, help=_("folder of a package; default: the shipped one"))
    predict.add_argument("--out", type=Path, help=_("write the mask, if the answer is one, as .npz"))
    explain.add_argument("--label")
    explain.add_argument("--method")
    explain.add_argument("--out", type=Path, help=_("write the map as .npz"))
    evaluate = add("evaluate", _("measure a package on labelled cases it has not seen"))
    evaluate.add_argument("task")
    evaluate.add_argument("--data", type=Path, required=True)
    evaluate.add_argument("--package", type=Path)
    which = evaluate.add_mutually_exclusive_group()
    which.add_argument("--include-seen", action="store_true", help=_("also report seen cases, apart"))
    which.add_argument("--out-of-fold", action="store_true", help=_("answer each case by the net that never saw it"))
    card = add("card", _("check a package on the cases it was trained on, and write its card again"))
    card.add_argument("task")
    card.add_argument("--data", type=Path, required=True)
    card.add_argument("--package", type=Path)
    card.add_argument("--masks", type=Path, help=_("lung masks, STEM.png; default: cxr_lungs/masks beside DIR"))
    card.add_argument(
        "--train", action="store_true", help=_("also train on each source alone, and on a part of the patients (slow)")
    )
    card.add_argument(
        "--explain",
        action="store_true",
        help=_("also set the limits by which maps are believed, and score them (slow)"),
    )
    report = add("explain-report", _("score maps where it is known what they should find"))
    report.add_argument("task")
    marked = report.add_mutually_exclusive_group(required=True)
    marked.add_argument("--data", type=Path)
    marked.add_argument("--simulated", type=int, metavar="N", help=_("score the maps of N simulated cases"))
    report.add_argument("--package", type=Path)
    report.add_argument("--masks", type=Path, help=_("lung masks, STEM.png; default: cxr_lungs/masks beside DIR"))
    train = add("train", _("train a package"))
    train.add_argument("task")
    train.add_argument("--data", type=Path)
    train.add_argument("--simulated", type=int, metavar="N", help=_("learn from N simulated cases"))
    train.add_argument("--out", type=Path, required=True)
    train.add_argument("--epochs", type=int)
    train.add_argument("--folds", type=int, default=5)
    train.add_argument("--seed", type=int, default=0)
    replay = add("replay", _("compute an exported answer again, and say whether it is the same"))
    replay.add_argument("bundle", type=Path, help=_("a replay bundle, as exported from a case"))
    replay.add_argument("--package", type=Path, help=_("folder of a package; default: the one that answered then"))
    audit = add("audit", _("check the audit's chain"))
    audit.add_argument("action", choices=["verify"])
    return top


def package_of(task: str, folder: Path | None) -> Any:
    """The package in `folder`, else the shipped one of that task."""
    from medcore.packages import load
    from medcore.tasks import get

    shipped = settings().models / get(task).name
    if folder is None and not shipped.is_dir():
        raise Refused(
            _("No package of {task} is shipped here.").format(task=task),
            _("Train one, and name its folder by --package."),
        )
    package = load(folder or shipped)
    if package.about["task"] != task:
        raise Refused(
            _("The package answers {other}, not {task}.").format(other=package.about["task"], task=task),
            _("Name the task that it was trained for."),
        )
    return package


def case_of(task: str, files: list[Path]) -> tuple[str, dict[str, Any]]:
    """The one case in the files, as (name, inputs by field). Refused where they hold several: of which one the answer
    would be, nobody could tell."""
    from medcore.readers import decode
    from medcore.tasks import get

    kinds = {field.kind for field in get(task).fields.values()}
    found = decode({path.as_posix(): _content(path) for path in files})
    fitting = [f for f in found if f.input.kind in kinds]
    rows = sum(f.input.kind == "record" for f in fitting)
    if rows > 1:
        raise Refused(
            _("The table holds {n} rows; one row is one case.").format(n=rows),
            _("Give a table with the header and one row."),
        )
    # Who it is of, else which file it is in: one file may give several inputs of one patient.
    cases = {f.person or tuple(f.files.values()) for f in fitting if f.input.kind != "record"}
    if len(cases) > 1:
        raise Refused(_("The files hold {n} cases.").format(n=len(cases)), _("Give the files of one case at a time."))
    taken = get(task).take([f.input for f in fitting])
    if taken is None:
        raise Refused(
            _("The files hold {kinds}; the question needs {wanted}.").format(
                kinds=", ".join(sorted({f.input.kind for f in found})), wanted=", ".join(sorted(kinds))
            ),
            _("Give a file of that kind, or ask another task."),
        )
    return files[0].stem, taken[0]


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise Refused(_("There is no file {name}.").format(name=path.name), _("Check the path."))
    try:
        return path.read_bytes()
    except OSError as error:
        raise _barred(path, error) from None


def _barred(path: Path, error: OSError) -> Refused:
    """A file or folder that the system doesn't let us use."""
    reason = str(error.strerror or error).lower()
    return Refused(
        _("{name} can't be used: {reason}.").format(name=path.name, reason=reason),
        _("Check the path, and whether you may read or write there."),
    )


def run_tasks(args: argparse.Namespace) -> Any:
    from medcore.packages import shipped
    from medcore.tasks import all_tasks

    packages = shipped(settings().models)
    return [
        {
            "name": task.name,
            "title": task.title,
            "question": task.question,
            "package": packages[task.name].name if task.name in packages else None,
        }
        for task in all_tasks().values()
    ]


def run_predict(args: argparse.Namespace) -> Any:
    case, inputs = case_of(args.task, args.file)
    return _said(package_of(args.task, args.package), case, inputs, args.out)


def _said(package: Any, case: str, inputs: dict[str, Any], out: Path | None = None) -> dict[str, Any]:
    """The answer as JSON; its mask, where it is one, goes to `out`."""
    from medcore.learn.predict import answer

    given = answer(package, inputs, settings().device)
    if out and given.mask is not None:
        _written(out, {"mask": given.mask})
    head = {"task": given.task, "package": given.package, "case": case}
    keys = ("probabilities", "absent", "device", "ranges", "thresholds", "choice", "set", "unlike", "wished", "remarks")
    return {**head, **{k: given.to_json()[k] for k in (*keys, *(["measures"] if given.mask_hash else []))}}


def _written(path: Path, arrays: dict[str, Any]) -> None:
    """Arrays by name as .npz."""
    import numpy as np

    try:
        with path.open("wb") as out:
            np.savez_compressed(out, **arrays)
    except OSError as error:
        raise _barred(path, error) from None


def run_explain(args: argparse.Namespace) -> Any:
    from medcore.explain import explain

    case, inputs = case_of(args.task, args.file)
    package = package_of(args.task, args.package)
    found = explain(package, inputs, args.label, args.method, settings().device)
    if args.out and not found.failure:
        _written(args.out, dict(found.values))
    said = _said(package, case, inputs)
    if found.remark:
        said["remarks"] = [*said["remarks"], found.remark]
    return {
        **said,
        "label": found.label,
        "method": found.method,
        "baseline": found.baseline,
        "gap": found.gap,
        "words": [{"part": part, "share": share} for part, share in found.words],
        "failure": found.failure,
        "shapes": {name: list(v.shape) for name, v in found.values.items()},
    }


def run_evaluate(args: argparse.Namespace) -> Any:
    from medcore.learn.evaluate import evaluate
    from medcore.tasks import get

    mode = "include_seen" if args.include_seen else "out_of_fold" if args.out_of_fold else "unseen"
    package = package_of(args.task, args.package)
    return evaluate(package, get(args.task).data(_folder(args.data)), mode, settings().device)


def run_card(args: argparse.Namespace) -> Any:
    from medcore.checks import check, write
    from medcore.learn import neighbours
    from medcore.tasks import get

    package = package_of(args.task, args.package)
    cases = get(args.task).data(_folder(args.data))
    found = check(package, cases, settings().device, _masks(args), args.train, args.explain, on_epoch=_told)
    write(package, found)
    if package.space and any(case.patient_hash in package.seen_patients for case in cases):
        neighbours.write(package.folder, neighbours.learnt(package, cases, settings().device))
    return found if args.json else package.card


def _masks(args: argparse.Namespace) -> Path | None:
    """The folder of lung masks, where there is one."""
    masks = _folder(args.masks) if args.masks else _folder(args.data).resolve().parent / "cxr_lungs" / "masks"
    return masks if masks.is_dir() else None


def run_explain_report(args: argparse.Namespace) -> Any:
    from medcore.checks.maps import SEED, report
    from medcore.tasks import get

    package, task = package_of(args.task, args.package), get(args.task)
    if args.simulated is not None:
        return report(package, task.simulate(max(1, args.simulated), SEED), settings().device)
    return report(package, task.data(_folder(args.data)), settings().device, _masks(args))


def _told(row: dict[str, Any]) -> None:
    """A line of a training on its way."""
    line = _("fold {fold} epoch {epoch}/{epochs} loss {loss:.4f} validation {validation_loss:.4f}").format(**row)
    print(f"{line}  {row.get('remark', '')}".rstrip(), file=sys.stderr)


def run_train(args: argparse.Namespace) -> Any:
    from dataclasses import replace

    from medcore.learn.build import train
    from medcore.tasks import get

    task = get(args.task)
    if (args.data is None) == (args.simulated is None):
        raise Refused(_("Say what to learn from."), _("Give either --data DIR or --simulated N."))
    if not 1 <= args.folds <= 5:
        raise Refused(_("--folds is {n}.").format(n=args.folds), _("Give 1 to 5."))
    for option in ("epochs", "simulated"):
        n = getattr(args, option)
        if n is not None and n < 1:
            raise Refused(_("--{option} is {n}.").format(option=option, n=n), _("Give 1 or more."))
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _barred(args.out, error) from None
    samples = task.data(_folder(args.data)) if args.data else task.simulate(args.simulated, args.seed)
    recipe = replace(task.recipe, epochs=args.epochs) if args.epochs else task.recipe
    package = train(
        task, samples, args.out, version="0.0.0", recipe=recipe, folds=range(args.folds), seed=args.seed,
        device=settings().device, on_epoch=_told,
    )  # fmt: skip
    measured = {name: package.report[name] for name in ("n", "metrics", "by_source")}
    return {"task": task.name, "package": package.name, "out": str(args.out), **measured}


def run_replay(args: argparse.Namespace) -> Any:
    from medcore.export import bundle
    from medcore.export.replay import replay

    return replay(bundle.read(_content(args.bundle)), settings(), args.package and _folder(args.package))


def run_audit(args: argparse.Namespace) -> Any:
    from medcore.clinic import Clinic

    broken = Clinic(settings()).verify_audit()
    if broken is not None:
        raise Refused(
            _("The audit's chain is broken at row {n}.").format(n=broken), _("Rows from there on were changed.")
        )
    return {"audit": "whole"}


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise Refused(_("There is no folder {name}.").format(name=path.name), _("Check the path."))
    return path


def show(value: Any, depth: int = 0) -> str:
    """JSON values as indented lines for people; a text by itself as it is."""
    if isinstance(value, str) and not depth:
        return value
    pad = "  " * depth
    if isinstance(value, dict) and set(value) == {"value", "low", "high"}:
        low = "" if value["low"] is None else f" ({value['low']:.3f} to {value['high']:.3f})"
        return f" {value['value']:.3f}{low}"
    if isinstance(value, dict):
        return "".join(f"\n{pad}{k}:{show(v, depth + 1)}" for k, v in value.items())
    if isinstance(value, list):
        return "".join(f"\n{pad}-{show(v, depth + 1)}" for v in value) if value else " –"
    return f" {value:.4g}" if isinstance(value, float) else f" {value}"


def main(argv: list[str] | None = None) -> int:
    """Run a command; its exit status: 0, 1 where a replay differs, or 2 where a person must change something."""
    args = parser().parse_args(argv)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's threads, without importing it for what needs no net
    try:
        result = globals()[f"run_{args.command.replace('-', '_')}"](args)
    except Refused as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(result, ensure_ascii=False, indent=1) if args.json else show(result).lstrip("\n"))
    return int(args.command == "replay" and not result["equal"])


if __name__ == "__main__":
    sys.exit(main())

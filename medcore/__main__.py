"""The command line: python -m medcore --help."""

import argparse
import json
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
    train = add("train", _("train a package"))
    train.add_argument("task")
    train.add_argument("--data", type=Path)
    train.add_argument("--simulated", type=int, metavar="N", help=_("learn from N simulated cases"))
    train.add_argument("--out", type=Path, required=True)
    train.add_argument("--epochs", type=int)
    train.add_argument("--folds", type=int, default=5)
    train.add_argument("--seed", type=int, default=0)
    audit = add("audit", _("check the audit's chain"))
    audit.add_argument("action", choices=["verify"])
    return top


def package_of(task: str, folder: Path | None) -> Any:
    """The package in `folder`, else the shipped one of that task."""
    from medcore.packages import load
    from medcore.tasks import get

    get(task)
    package = load(folder or settings().models / task)
    if package.about["task"] != task:
        raise Refused(
            _("The package answers {other}, not {task}.").format(other=package.about["task"], task=task),
            _("Name the task that it was trained for."),
        )
    return package


def case_of(task: str, files: list[Path]) -> tuple[str, dict[str, Any]]:
    """The one case in the files, as (name, inputs by field)."""
    from medcore.readers import decode
    from medcore.tasks import get

    missing = [f for f in files if not f.is_file()]
    if missing:
        raise Refused(_("There is no file {name}.").format(name=missing[0].name), _("Check the path."))
    found = decode({f.name: f.read_bytes() for f in files})
    taken = get(task).take([f.input for f in found])
    if taken is None:
        kinds = ", ".join(sorted({f.input.kind for f in found})) or _("nothing")
        wanted = ", ".join(field.kind for field in get(task).fields.values())
        raise Refused(
            _("The files hold {kinds}; the question needs {wanted}.").format(kinds=kinds, wanted=wanted),
            _("Give a file of that kind, or ask another task."),
        )
    return files[0].stem, taken


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
    from medcore.learn.predict import answer

    case, inputs = case_of(args.task, args.file)
    given = answer(package_of(args.task, args.package), inputs, settings().device)
    head = {"task": given.task, "package": given.package, "case": case}
    keys = ("probabilities", "absent", "device", "ranges", "thresholds", "choice", "set", "unlike", "wished", "remarks")
    return {**head, **{k: given.to_json()[k] for k in keys}}


def run_explain(args: argparse.Namespace) -> Any:
    import numpy as np

    from medcore.explain import explain

    package = package_of(args.task, args.package)
    _case, inputs = case_of(args.task, args.file)
    found = explain(package, inputs, args.label, args.method, settings().device)
    if args.out and not found.failure:
        np.savez_compressed(args.out, **found.values)  # type: ignore[arg-type]
    return {
        **run_predict(args),
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


def run_train(args: argparse.Namespace) -> Any:
    from dataclasses import replace

    from medcore.learn.build import train
    from medcore.tasks import get

    task = get(args.task)
    if (args.data is None) == (args.simulated is None):
        raise Refused(_("Say what to learn from."), _("Give either --data DIR or --simulated N."))
    if not 1 <= args.folds <= 5:
        raise Refused(_("--folds is {n}.").format(n=args.folds), _("Give 1 to 5."))
    samples = task.data(_folder(args.data)) if args.data else task.simulate(args.simulated, args.seed)
    recipe = replace(task.recipe, epochs=args.epochs) if args.epochs else task.recipe

    def told(row: dict[str, Any]) -> None:
        print(
            _("fold {fold} epoch {epoch}/{epochs} loss {loss:.4f} validation {validation_loss:.4f}").format(**row),
            file=sys.stderr,
        )

    package = train(
        task, samples, args.out, version="0.0.0", recipe=recipe, folds=range(args.folds), seed=args.seed,
        device=settings().device, on_epoch=told,
    )  # fmt: skip
    return {"task": task.name, "package": package.name, "out": str(args.out), **package.report}


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
    """JSON values as indented lines for people."""
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
    """Run a command; its exit status: 0, or 2 where a person must change something."""
    args = parser().parse_args(argv)
    try:
        import torch

        torch.set_num_threads(1)
        result = globals()[f"run_{args.command}"](args)
    except Refused as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(result, ensure_ascii=False, indent=1) if args.json else show(result).lstrip("\n"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

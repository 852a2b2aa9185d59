"""Packages: one trained version of a task as a folder.

    package.json       everything but weights
    CARD.md            what it is for, its figures and limits, for people
    net_<fold>.safetensors   one net a left-out fold
    space.safetensors  mean and whitening of the nets' embeddings, for the unlike-training score

Beside them, about this version and no part of it: checks.json (medcore.checks) and neighbours.safetensors
(medcore.learn.neighbours).

`package.json` names the SHA-256 of each other file; a changed byte is refused. Pickles are never read.
"""

import copy
import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medcore.errors import Refused
from medcore.i18n import _
from medcore.outcomes.base import Calibration
from medcore.tasks import Task, get

if TYPE_CHECKING:
    import numpy as np
    import torch

FORMAT = 1
PICKLES = (".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".bin", ".joblib")


@dataclass(frozen=True)
class Package:
    """A trained version of a task, as read from its folder; weights are read when first asked for.

    about: package.json. Keys: format, task, version, made, recipe, seed, versions, nets (a list of file, sha256,
        fold, calibration), thresholds, reference, unlike, seen, report
    hash: SHA-256 of package.json, which holds those of all other files: the identity of this version
    """

    folder: Path
    about: dict[str, Any] = field(repr=False)
    hash: str

    @property
    def task(self) -> Task:
        return get(self.about["task"])

    @property
    def version(self) -> str:
        return str(self.about["version"])

    @property
    def name(self) -> str:
        """Task and version, as answers name it."""
        return f"{self.about['task']} {self.version}"

    @property
    def report(self) -> dict[str, Any]:
        """Figures out of fold: `metrics`, `by_source`, `n`."""
        return dict(self.about["report"])

    @property
    def folds(self) -> list[int]:
        """The left-out fold of each net."""
        return [int(net["fold"]) for net in self.about["nets"]]

    @property
    def calibrations(self) -> list[Calibration]:
        return [net["calibration"] for net in self.about["nets"]]

    @property
    def seen_patients(self) -> dict[str, int]:
        """Fold by patient hash, of each patient that any net was fitted, tuned or calibrated on."""
        return dict(self.about["seen"]["patients"])

    @property
    def seen_inputs(self) -> dict[str, int]:
        """Fold by input hash, likewise."""
        return dict(self.about["seen"]["inputs"])

    @property
    def card(self) -> str:
        path = self.folder / "CARD.md"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def states(self) -> "dict[int, dict[str, torch.Tensor]]":
        """Weights by left-out fold."""
        from safetensors.torch import load

        return {int(net["fold"]): load(self._bytes(net)) for net in self.about["nets"]}

    @cached_property
    def nets(self) -> "list[torch.nn.Module]":
        """The nets in the order of `folds`, on the CPU, ready to answer."""
        out = []
        for state in self.states().values():
            net = self.task.net()
            net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state.items()})
            out.append(net.eval())
        return out

    @cached_property
    def hooked_nets(self) -> "list[torch.nn.Module]":
        """A second copy, for methods that hang hooks into nets while the first one may be answering."""
        return copy.deepcopy(self.nets)

    @cached_property
    def space(self) -> "dict[str, torch.Tensor]":
        """`mean_<fold>` (d,) and `whiten_<fold>` (d, k) of the embeddings of the training part."""
        from safetensors.torch import load

        return load(self._bytes(self.about["space"])) if "space" in self.about else {}

    @cached_property
    def distances(self) -> "dict[int, np.ndarray]":
        """By fold the quantiles of how far its patients lie, in that space, from those that its net learnt from."""
        import numpy as np

        return {int(fold): np.array(values) for fold, values in self.about["unlike"].items()}

    def _bytes(self, entry: dict[str, str]) -> bytes:
        try:
            content = (self.folder / entry["file"]).read_bytes()
        except OSError:
            raise _incomplete(entry["file"]) from None
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise Refused(
                _("{file} is not the file that the package was made with.").format(file=entry["file"]),
                _("Get the package again from where it came from."),
            )
        return content


def _incomplete(file: str) -> Refused:
    return Refused(_("The package lacks its file {file}.").format(file=file), _("Get the whole package folder again."))


def load(folder: Path) -> Package:
    """The package in that folder. Refused where files are missing, changed, of another format, or pickles."""
    folder = Path(folder)
    if folder.is_file() or not folder.exists():
        raise Refused(
            _("{name} is not a package folder.").format(name=folder.name),
            _("A package is a folder with package.json and .safetensors files."),
        )
    pickles = sorted(p.name for p in folder.iterdir() if p.suffix in PICKLES)
    if pickles:
        raise Refused(
            _("{file} is a pickle, which can run code when it is read. Packages never hold one.").format(
                file=pickles[0]
            ),
            _("Save the weights as .safetensors."),
        )
    try:
        text = (folder / "package.json").read_bytes()
        about = json.loads(text)
        version = about["format"]
    except FileNotFoundError:
        raise _incomplete("package.json") from None
    except (ValueError, KeyError, TypeError):
        raise Refused(_("package.json can't be read."), _("Get the whole package folder again.")) from None
    if version != FORMAT:
        raise Refused(
            _("The package has format {n}; this program reads format {m}.").format(n=version, m=FORMAT),
            _("Train it again, or use the program that made it."),
        )
    package = Package(folder, about, hashlib.sha256(text).hexdigest())
    for entry in [*about["nets"], *([about["space"]] if "space" in about else [])]:
        if Path(entry["file"]).suffix != ".safetensors" or Path(entry["file"]).name != entry["file"]:
            raise Refused(
                _("The package names {file}, which is not a .safetensors file in it.").format(file=entry["file"]),
                _("Get the whole package folder again."),
            )
        package._bytes(entry)
    return package


def save(
    folder: Path,
    about: dict[str, Any],
    states: "dict[int, dict[str, torch.Tensor]]",
    calibrations: list[Calibration],
    space: "dict[str, torch.Tensor]",
    card: str,
) -> Package:
    """Write a package and read it back. Weights are kept as float16 (half the size; figures are taken from these)."""
    import torch
    from safetensors.torch import save as dump

    folder.mkdir(parents=True, exist_ok=True)

    def write(name: str, tensors: "dict[str, torch.Tensor]", half: bool) -> dict[str, str]:
        small = {k: v.half() if half and v.dtype == torch.float32 and v.dim() > 1 else v for k, v in tensors.items()}
        content = dump({k: v.contiguous() for k, v in small.items()})
        (folder / name).write_bytes(content)
        return {"file": name, "sha256": hashlib.sha256(content).hexdigest()}

    nets = [
        {**write(f"net_{fold}.safetensors", state, half=True), "fold": fold, "calibration": calibration}
        for (fold, state), calibration in zip(states.items(), calibrations, strict=True)
    ]
    about = {"format": FORMAT, **about, "nets": nets}
    if space:
        about["space"] = write("space.safetensors", space, half=False)
    (folder / "CARD.md").write_text(card, encoding="utf-8")
    part = folder / "package.json.part"
    part.write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    part.replace(folder / "package.json")
    return load(folder)


def shipped(models: Path) -> dict[str, Package]:
    """The packages in `models`, one folder a task, by task name."""
    folders = sorted(p.parent for p in models.glob("*/package.json")) if models.is_dir() else []
    return {package.about["task"]: package for package in map(load, folders)}

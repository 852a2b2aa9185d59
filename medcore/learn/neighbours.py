"""Cases that a package's nets see alike: each is one vector, and FAISS finds the nearest (Douze et al., 2024,
arXiv:2401.08281).

    neighbours.safetensors   beside package.json, which doesn't name it: the package's hash stays

holds for each training case its vector, label, source, and SHA-256 of its patient and of its inputs. No input, no name.
A net has learnt from the training patients of the other folds, so for these this is no retrieval of unseen cases. It
brings them no nearer together: of patients whom a net never saw, 2 to 5 of 100 lie farther from their nearest than the
95th percentile of those it learnt from (four of the shipped packages).
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medcore.datasets.sample import Sample
from medcore.errors import Refused
from medcore.i18n import _
from medcore.inputs import sha256
from medcore.learn.batches import Encoded, encode_inputs, evaluation_batches
from medcore.learn.devices import moved, pick, placed
from medcore.packages import Package

if TYPE_CHECKING:
    import torch

FILE = "neighbours.safetensors"
DIRECTIONS = 8
"""Leading whitened directions of each net that count: with all 24 the share of neighbours of the same label changes by
1 in 100 at most, and a search takes three times as long."""
FAR = 0.95
"""Share of the training cases whose own nearest lies nearer, from which nothing is like a case."""


@dataclass(frozen=True)
class Learnt:
    """Training cases by position.

    vectors: (n, d) float32
    choice, source: (n,) positions in `choices`, as the task's outcome names them, and in `sources`
    patients, inputs: (n, 32) uint8, SHA-256 as in `Sample.patient_hash` and of `key`
    nearest: 101 quantiles of how far each case lies from the nearest of another patient
    """

    package_hash: str
    vectors: np.ndarray
    choices: tuple[str, ...]
    sources: tuple[str, ...]
    choice: np.ndarray
    source: np.ndarray
    patients: np.ndarray
    inputs: np.ndarray
    nearest: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.vectors)

    @cached_property
    def places(self) -> dict[bytes, list[int]]:
        """Positions by `key`."""
        out: dict[bytes, list[int]] = {}
        for i, inputs in enumerate(self.inputs):
            out.setdefault(inputs.tobytes(), []).append(i)
        return out

    def nearer(self, distance: float) -> float | None:
        """Share of the training cases whose own nearest lies nearer than that; None where they are of one patient."""
        if not self.nearest:
            return None
        return float(np.interp(distance, self.nearest, np.linspace(0, 1, len(self.nearest))))


class Index:
    """Vectors (d,) by position. Every one is looked at, in half precision: 100,000 take less time than a case's nets,
    and full precision would take twice as long."""

    def __init__(self, vectors: np.ndarray) -> None:
        import faiss

        self._faiss = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16)
        self.add(vectors)

    def __len__(self) -> int:
        return int(self._faiss.ntotal)

    def add(self, vectors: np.ndarray) -> None:
        """Further vectors (n, d), at the end."""
        self._faiss.add(np.ascontiguousarray(vectors, np.float32))

    def search(self, vector: np.ndarray, n: int, among: Sequence[int] | None = None) -> list[tuple[int, float]]:
        """Positions of the n nearest (of those in `among`) and their Euclidean distances, the nearest first."""
        import faiss

        if not len(self):
            return []
        parameters = None
        if among is not None:
            parameters = faiss.SearchParameters()
            parameters.sel = selector = faiss.IDSelectorBatch(np.asarray(among, np.int64))  # noqa: F841 - keeps it alive
        query = vector[None].astype(np.float16).astype(np.float32)  # rounded as the others, so that equal ones are at 0
        squares, found = self._faiss.search(query, min(n, len(self)), params=parameters)
        return [(int(i), float(d) ** 0.5) for i, d in zip(found[0], squares[0], strict=True) if i >= 0]


def vector(package: Package, seen: "Sequence[np.ndarray]") -> np.ndarray:
    """Cases as vectors (n, d) float32 from each net's embedding of them (n, …): its leading whitened directions, net
    after net, scaled so that nets count alike and a training case's mean square length is 1."""
    parts = []
    for fold, e in zip(package.folds, seen, strict=True):
        mean, whiten = (package.space[f"{name}_{fold}"].numpy() for name in ("mean", "whiten"))
        part = (e - mean) @ whiten[:, :DIRECTIONS]
        parts.append(part / (part.shape[1] * len(package.folds)) ** 0.5)
    return np.concatenate(parts, 1).astype(np.float32)


def key(hashes: Iterable[str]) -> bytes:
    """One SHA-256 of a case from those of its inputs, in the order of the task's fields."""
    return hashlib.sha256("".join(hashes).encode()).digest()


def learnt(package: Package, samples: Sequence[Sample], device: str = "auto") -> Learnt:
    """Those of the samples that the package learnt from. Refused where there are none, or it measures no likeness."""
    own = [s for s in samples if s.patient_hash in package.seen_patients]
    if not own or not package.space:
        raise Refused(
            _("The folder holds no case that the package learnt from."), _("Give the folder that it was trained on.")
        )
    items, hashes = [], []
    for sample in own:
        given = sample.load()
        items.append(encode_inputs(package.task, given))
        hashes.append([sha256(given[name]) for name in package.task.fields])
    encoded = Encoded(package.task, own, items, np.zeros(len(own)), hashes)  # nothing here asks for the truth
    vectors = _vectors(package, encoded, pick(device)).astype(np.float16)  # as they are kept
    patients = np.array([list(bytes.fromhex(s.patient_hash)) for s in own], np.uint8)
    choices, choice = np.unique([package.task.outcome.choice_of(s.target) for s in own], return_inverse=True)
    sources, source = np.unique([f"{s.dataset} {s.source}".strip() for s in own], return_inverse=True)
    return Learnt(
        package_hash=package.hash,
        vectors=vectors.astype(np.float32),
        choices=tuple(choices.tolist()),
        sources=tuple(sources.tolist()),
        choice=choice.astype(np.int32),
        source=source.astype(np.int32),
        patients=patients,
        inputs=np.array([list(key(each)) for each in hashes], np.uint8),
        nearest=_nearest(vectors.astype(np.float32), encoded.patients),
    )


def _vectors(package: Package, encoded: Encoded, device: str) -> np.ndarray:
    import torch

    out: dict[int, np.ndarray] = {}
    with torch.inference_mode():
        for part, batch in evaluation_batches(encoded, np.arange(len(encoded))):
            inputs = moved(batch, device)
            seen = [_embedding(placed(net, device), inputs) for net in package.nets]
            out |= zip(part.tolist(), vector(package, seen), strict=True)
    return np.array([out[i] for i in range(len(encoded))])


def _embedding(net: Any, batch: "list[torch.Tensor]") -> np.ndarray:
    found = net.embed(*batch) if hasattr(net, "embed") else net.both(*batch)[1]
    out: np.ndarray = found.float().cpu().numpy()
    return out


def _nearest(vectors: np.ndarray, patients: Sequence[str]) -> tuple[float, ...]:
    """101 quantiles of the distance from each case to the nearest of another patient; none where there is but one."""
    who, count = np.unique(patients, return_inverse=True, return_counts=True)[1:]
    if len(count) < 2:
        return ()
    index, found = Index(vectors), []
    for own, v in zip(who, vectors, strict=True):
        others = index.search(v, int(count[own]) + 1)
        found.append(next(distance for i, distance in others if who[i] != own))
    return tuple(round(float(q), 5) for q in np.quantile(found, np.linspace(0, 1, 101)))


def write(folder: Path, found: Learnt) -> None:
    """Keep them in the package's folder."""
    from safetensors.numpy import save

    about = {k: v for k, v in asdict(found).items() if not isinstance(v, np.ndarray)}
    arrays = {k: v for k, v in asdict(found).items() if isinstance(v, np.ndarray)}
    arrays["vectors"] = found.vectors.astype(np.float16)
    part = folder / f"{FILE}.part"
    part.write_bytes(save(arrays, {"about": json.dumps(about, ensure_ascii=False)}))
    part.replace(folder / FILE)


def stored(folder: Path, package_hash: str) -> Learnt | None:
    """The training cases that are kept in a package's folder; None where none are, or they are of another version."""
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    if not path.exists():
        return None
    try:
        with safe_open(path, "numpy") as held:
            about = json.loads(held.metadata()["about"])
            arrays = {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError):
        raise Refused(_("{file} can't be read.").format(file=FILE), _("Get the whole package folder again.")) from None
    if about["package_hash"] != package_hash:
        return None
    held_as: dict[str, Any] = {**{k: tuple(v) if isinstance(v, list) else v for k, v in about.items()}, **arrays}
    return Learnt(**held_as | {"vectors": arrays["vectors"].astype(np.float32)})

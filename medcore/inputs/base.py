"""The interface that the kinds of input share."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    import torch


@runtime_checkable
class Input(Protocol):
    """One thing seen of a patient, in native units.

    kind: "record", "image", "signal", "volume", or "outlines", which no task takes
    facts: what is known about it and names nobody. Kept are modality, view (PA, AP, LL …), laterality, orientation,
        body_part, age_years, sex (F, M, O), acquired (ISO date, shifted), simulated ("yes"), sequence, rescale_slope
        and rescale_intercept (`readers.base.clean_facts`).
    """

    kind: ClassVar[str]

    @property
    def facts(self) -> Mapping[str, str]: ...

    def content(self) -> tuple[dict[str, Any], list[np.ndarray]]:
        """What the input is, less its facts: JSON values and arrays. The hash is taken of this."""


def sha256(given: Input) -> str:
    """SHA-256 of what the input shows (not of the file it came in), as 64 hex digits.

    Taken once and kept with the input, which nothing changes once it is made: a film takes longer than a small net.
    """
    known: str | None = vars(given).get("_sha256")
    if known:
        return known
    values, arrays = given.content()
    digest = hashlib.sha256(json.dumps([given.kind, values], sort_keys=True, ensure_ascii=False).encode())
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    vars(given)["_sha256"] = digest.hexdigest()
    return digest.hexdigest()


def parts_of(given: Input) -> tuple[str, ...]:
    """SHA-256 of the inputs as they were read that this one is made of; mostly that is itself."""
    return getattr(given, "made_of", ()) or (sha256(given),)


def spread(mask: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """A mask (labels, …) on a grid of that shape, (labels, *shape); an axis that is 1 or not there stands for all."""
    return np.broadcast_to(
        mask.reshape(len(mask), *[1] * (len(shape) + 1 - mask.ndim), *mask.shape[1:]), (len(mask), *shape)
    )


class Field(Protocol):
    """A task's declaration of one input that it takes.

    One may have joined(inputs) -> list of inputs that several of a case's make together, to be tried before those.
    """

    @property
    def kind(self) -> str: ...

    def check(self, given: Any) -> list[str]:
        """Remarks on an input that can be taken, each one sentence.

        Raises Refused, with what to do, when it can't.
        """

    def encode(self, given: Any) -> "tuple[torch.Tensor, torch.Tensor]":
        """The input as a float32 tensor without batch axis, and a mask of the same last axes (1 = was there).

        Stateless: what is learnt of the data (means, scales) lives in the net. Absent values are 0 under a 0 mask.
        The last axis may differ from input to input; batches pad it with 0 under a 0 mask.
        """

    def augment(
        self, x: "torch.Tensor", mask: "torch.Tensor", generator: "torch.Generator"
    ) -> "tuple[torch.Tensor, torch.Tensor]":
        """A random variant of each of a batch: `x` (n, …), `mask` (n, …)."""

    def place(self, attribution: np.ndarray, given: Any) -> np.ndarray:
        """An attribution on the encoded grid (shape of `encode(...)[0]`), brought to the input's own grid."""

    def absent(self, given: Any) -> list[str]:
        """Names of the parts that the field has and this input lacks (columns, leads)."""


def joined(spec: Field, inputs: Sequence[Input]) -> list[Input]:
    """What several of these inputs make together for a field that has `joined`."""
    fitting = [given for given in inputs if given.kind == spec.kind]
    found: list[Input] = spec.joined(fitting) if hasattr(spec, "joined") else []
    return found


class GridField(Field, Protocol):
    """A field on whose grid an outcome may lie."""

    def encode_mask(self, mask: np.ndarray, given: Any) -> "torch.Tensor":
        """A mask (labels, …) on the input's own grid, brought to the encoded grid: uint8, 255 times each pixel's share.
        An axis of length 1 stands for the whole of it (`spread`)."""

    def on_own_grid(self, encoded: np.ndarray, given: Any, beyond: float = 0.0) -> np.ndarray:
        """Values (labels, …) of the encoded grid on the input's own; `beyond` where nothing was encoded."""

    def augment_with(
        self, x: "torch.Tensor", mask: "torch.Tensor", truth: "torch.Tensor", generator: "torch.Generator"
    ) -> "tuple[torch.Tensor, torch.Tensor, torch.Tensor]":
        """As `augment`, with a truth (n, labels, …) from 0 to 1 that is moved along."""

"""Which device runs, and how precisely."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from medcore.errors import Refused
from medcore.i18n import _

if TYPE_CHECKING:
    import torch

T = TypeVar("T")


def pick(wanted: str = "auto") -> str:
    """ "cuda" or "cpu" for a wish of auto, cpu or cuda; Refused where the wished one is not there."""
    import torch

    if wanted not in ("auto", "cpu", "cuda"):
        raise Refused(_("There is no device “{name}”.").format(name=wanted), _("Use auto, cpu or cuda."))
    if wanted == "cuda" and not torch.cuda.is_available():
        raise Refused(
            _("No CUDA device is to be had here."), _("Set MEDCORE_DEVICE to auto or cpu, or install torch for CUDA.")
        )
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def training_precision(device: str) -> str:
    """bfloat16 where the device computes it natively (CUDA, or a CPU with AMX tiles), else full precision. A card that
    only emulates it would be slower for it."""
    import torch

    on_card = device == "cuda"
    native = torch.cuda.is_bf16_supported(including_emulation=False) if on_card else torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if native else "32-true"


def with_fallback(run: Callable[[str], T], device: str) -> tuple[T, str]:
    """`run(device)` and the device that did it; when CUDA runs out of memory the CPU does it."""
    import torch

    try:
        return run(device), device
    except torch.cuda.OutOfMemoryError:
        torch.cuda.empty_cache()
        return run("cpu"), "cpu"


def moved(tensors: "list[torch.Tensor]", device: str) -> "list[torch.Tensor]":
    """The tensors on the device."""
    return [t.to(device) for t in tensors]


def placed(net: "torch.nn.Module", device: str) -> "torch.nn.Module":
    """The net on the device. Where it is there already, asking each of its modules would cost as much as a layer."""
    return net if next(net.parameters()).device.type == device else net.to(device)

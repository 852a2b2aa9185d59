"""A volume segmented by an untrained net in one thread, beside MONAI's sliding window with the same net and no overlap,
and the memory that it holds."""

from collections.abc import Callable
from functools import partial

import torch
from monai.inferers import sliding_window_inference
from torch.profiler import ProfilerActivity, profile

from medcore.tasks import Task, all_tasks
from tests.benchmarks.measure import Row, interleaved

SLICES, ROUNDS = 96, 3


def rows() -> list[Row]:
    """For each task whose answer lies on a volume: seconds, and peak bytes over those that have to be held."""
    torch.set_num_threads(1)
    return [row for task in all_tasks().values() if _is_volume(task) for row in _rows(task.name)]


def _is_volume(task: Task) -> bool:
    return bool(task.grid and task.grid[0].kind == "volume")


def _rows(name: str) -> list[Row]:
    from medcore.tasks import get

    task = get(name)
    assert task.grid
    field, net = task.grid[0], task.net().eval()
    x = torch.randn(1, len(field.sequences), SLICES, field.rows, field.columns)  # type: ignore[attr-defined]
    mask = torch.ones(1, x.shape[1], SLICES, 1, 1)

    def ours(_turn: int = 0) -> torch.Tensor:
        with torch.no_grad():
            return net(x, mask)  # type: ignore[no-any-return]

    def window(part: torch.Tensor) -> torch.Tensor:
        return net(part, mask[:, :, : part.shape[2]])  # type: ignore[no-any-return]

    def theirs(_turn: int = 0) -> torch.Tensor:
        with torch.no_grad():
            size = (net.chunk, *x.shape[3:])
            return sliding_window_inference(x, size, 1, window, overlap=0.0)  # type: ignore[no-any-return,arg-type]

    a, b = interleaved((ours, theirs), ROUNDS)
    # What can't be done without: the answer, and what a window by itself takes.
    needed = x.numel() * 4 + ours().numel() * 4 + peak(partial(window, x[:, :, : net.chunk]))
    held = x.numel() * 4 + peak(ours)
    return [
        Row(f"{name}: {SLICES} slices segmented", a, b, a / b, 1.0, note="over MONAI's sliding window"),
        Row(
            f"{name}: memory held at most", a, None, held / needed, 1.5,
            note=f"{held / 2**20:.0f} MiB over the {needed / 2**20:.0f} of volume, answer and one window",
        ),
    ]  # fmt: skip


def peak(work: Callable[[], object]) -> int:
    """Bytes that the tensors made in `work` take at most at one time."""
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        work()
    events = [e for e in seen.profiler.kineto_results.events() if e.name() == "[memory]"]  # type: ignore[union-attr]
    now = most = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return most

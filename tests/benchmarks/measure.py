"""Side by side in one process: each round runs everything once, in turn, and medians are compared."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Row:
    """One line of the table.

    ours, theirs: seconds, None where only one was measured; ratio: as `name` says, with the bar that it has to keep
    (at most, or at least where `least`), None where it is only reported
    """

    name: str
    ours: float
    theirs: float | None = None
    ratio: float | None = None
    bar: float | None = None
    least: bool = False
    note: str = ""

    @property
    def kept(self) -> bool:
        if self.bar is None or self.ratio is None:
            return True
        return self.ratio >= self.bar if self.least else self.ratio <= self.bar

    def to_json(self) -> dict[str, Any]:
        return {**self.__dict__, "kept": self.kept}


def interleaved(
    tasks: Sequence[Callable[[int], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Median seconds of each task over `rounds`, after one that isn't counted. A task is told its round.

    clock: `time.process_time` where all work is done here, so that what else the machine does counts for less
    """
    times: list[list[float]] = [[] for _task in tasks]
    for turn in range(rounds + 1):
        # Each goes first in turn, so that none always finds the caches as the same other left them.
        for i in [(turn + k) % len(tasks) for k in range(len(tasks))]:
            start = clock()
            tasks[i](turn)
            if turn:
                times[i].append(clock() - start)
    return [median(t) for t in times]


def table(rows: Sequence[Row]) -> str:
    """The rows for people."""
    heads = ("", "ours", "theirs", "ratio", "bar", "")
    cells = [heads]
    for r in rows:
        bar = "" if r.bar is None else f"{'≥' if r.least else '≤'} {r.bar:g}"
        cells.append(
            (
                r.name,
                seconds(r.ours),
                "" if r.theirs is None else seconds(r.theirs),
                "" if r.ratio is None else f"{r.ratio:.2f}",
                bar,
                ("" if r.kept else "missed  ") + r.note,
            )
        )
    widths = [max(len(row[i]) for row in cells) for i in range(len(heads))]
    lines = [
        "  ".join(c.ljust(w) if i in (0, 5) else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        for row in cells
    ]
    return "\n".join(line.rstrip() for line in [lines[0], "-" * len(lines[0]), *lines[1:]])


def seconds(value: float) -> str:
    return f"{1000 * value:.1f} ms" if value < 1 else f"{value:.2f} s"

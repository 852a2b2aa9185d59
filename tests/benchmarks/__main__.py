"""`python -m tests.benchmarks` (`make bench`): prints a table and writes it as JSON.

Each line is a ratio of two things measured side by side in one process. Ends with status 1 where one misses its bar.
"""

import argparse
import importlib
import json
import os
import sys
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from medcore.settings import REPO  # noqa: E402
from tests.benchmarks.measure import Row, table  # noqa: E402

PARTS = (
    "case",
    "series",
    "training",
    "explaining",
    "gradients",
    "what_if",
    "neighbours",
    "worklist",
    "start",
    "volume",
    "viewing",
    "segmenting",
)
NEED_PACKAGES = ("case", "explaining", "gradients", "what_if", "neighbours")


def measured(part: str, folder: Path) -> list[Row]:
    """The rows of one part. `folder`: where packages are kept that had to be trained."""
    rows = importlib.import_module(f"tests.benchmarks.{part}").rows
    found: list[Row] = rows(folder) if part in NEED_PACKAGES else rows()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"some of: {', '.join(PARTS)}; default: all")
    parser.add_argument("--out", type=Path, default=REPO / "build" / "benchmarks.json")
    args = parser.parse_args()
    if set(args.parts) - set(PARTS):
        parser.error(f"parts are: {', '.join(PARTS)}")
    folder = args.out.parent / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for part in args.parts or PARTS:
        print(f"{part} …", file=sys.stderr)
        rows += measured(part, folder)
        # After each, so that one that breaks doesn't take the others along.
        about = {"cpus": os.cpu_count(), "load": os.getloadavg()[0], "rows": [row.to_json() for row in rows]}
        args.out.write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n")
    print(table(rows))
    print(f"Load {about['load']:.1f} on {about['cpus']} processors. As JSON: {args.out}")
    return 0 if all(row.kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

"""What README.md tells people to type works.

A block that is fenced as ```sh is run. One fenced as ```sh data is run where the public data sets are, and one fenced
as ```sh long is only checked to parse, its make targets and its medcore commands included.
"""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from medcore.inputs import RecordField
from medcore.tasks import get

REPO = Path(__file__).resolve().parent.parent
README = REPO / "README.md"
TEXT = README.read_text() if README.exists() else ""
BLOCKS = re.findall(r"^```sh ?(\w*)\n(.*?)^```$", TEXT, re.M | re.S)

pytestmark = pytest.mark.skipif(not README.exists(), reason="README.md is not written yet")


def bash(script: str, folder: Path, *options: str) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    env = {
        **kept,
        "MEDCORE_HOME": str(folder / "home"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", *options, "-c", script],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Looks like the repository, but keeps what a command writes."""
    for path in REPO.iterdir():
        if path.name != ".git":
            (tmp_path / path.name).symlink_to(path)
    return tmp_path


def of_kind(kind: str) -> list[str]:
    return [script for found, script in BLOCKS if found == kind]


def test_each_block_says_how_it_is_tested() -> None:
    assert BLOCKS
    assert {kind for kind, _ in BLOCKS} <= {"", "data", "long"}


@pytest.mark.parametrize("script", of_kind(""))
def test_a_short_block_runs(script: str, folder: Path) -> None:
    bash(script, folder)


@pytest.mark.data
@pytest.mark.parametrize("script", of_kind("data"))
def test_a_block_on_data_runs(script: str, folder: Path, data: Path) -> None:
    bash(f"export MEDCORE_DATA={shlex.quote(str(data))}\n{script}", folder)


@pytest.mark.parametrize("script", of_kind("long"))
def test_a_long_block_parses(script: str, folder: Path) -> None:
    bash(script, folder, "-n")
    for line in script.replace("\\\n", " ").splitlines():
        words = [w for w in shlex.split(line, comments=True) if w != "exec"]
        if "make" in words:
            targets = shlex.join(words[words.index("make") + 1 :])
            bash(f"make -n {targets}", folder)
        if "medcore" in words and words[words.index("medcore") - 1] == "-m":
            bash(f"python -m medcore {words[words.index('medcore') + 1]} --help", folder)


def test_what_it_links_to_is_there() -> None:
    local = [target for target in re.findall(r"\]\(([^)#\s]+)", TEXT) if "://" not in target]
    local += re.findall(r'<img[^>]* src="([^":]+)"', TEXT)
    assert [target for target in local if not (REPO / target).exists()] == []


def test_the_columns_of_a_record_are_told_as_the_set_reads_them() -> None:
    (spec,) = get("mortality").fields.values()
    assert isinstance(spec, RecordField)
    told = {row[0]: row[1:] for row in re.findall(r"^\| `([a-z.]+)` \| (.+?) \| (.*?) \| (.*?) \|$", TEXT, re.M)}
    for column in spec.columns:
        title, unit, limits = told[column.name]
        choices = ", ".join(f"`{choice}`" for choice in sorted(column.choices))
        assert title == column.title and (unit == choices if choices else column.unit in (unit, "0/1", ""))
        assert not column.limits or column.unit == "0/1" or limits == f"{column.limits[0]:g} to {column.limits[1]:g}"

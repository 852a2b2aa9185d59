"""Files by their hash."""

import errno
import hashlib
import os
import time
from pathlib import Path

import pytest

from medcore.errors import Refused
from medcore.store.files import Files


def everything(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file()]


def test_put_and_get(tmp_path: Path) -> None:
    files = Files(tmp_path)
    sha = files.put(b"film")
    assert sha == hashlib.sha256(b"film").hexdigest()
    assert files.get(sha) == b"film"
    assert files.put(b"film") == sha
    assert [*files.all()] == [sha]
    assert len(everything(tmp_path)) == 1


def test_a_changed_or_missing_file_is_refused(tmp_path: Path) -> None:
    files = Files(tmp_path)
    sha = files.put(b"film")
    (tmp_path / sha[:2] / sha).write_bytes(b"film!")
    with pytest.raises(Refused, match="changed on disk"):
        files.get(sha)
    files.remove(sha)
    with pytest.raises(Refused, match="gone"):
        files.get(sha)
    assert not files.has(sha)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def full(_handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Refused, match="The disk is full"):
        Files(tmp_path).put(b"film")
    assert everything(tmp_path) == []


def test_only_old_drafts_are_removed(tmp_path: Path) -> None:
    files = Files(tmp_path)
    folder = tmp_path / files.put(b"film")[:2]
    old, fresh = folder / ".1.part", folder / ".2.part"
    old.write_bytes(b"x")
    fresh.write_bytes(b"x")
    os.utime(old, (time.time() - 7200,) * 2)
    files.remove_drafts()
    assert not old.exists()
    assert fresh.exists()
    assert len([*files.all()]) == 1

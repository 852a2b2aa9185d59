"""Files by the SHA-256 of what is in them, under `root`/ab/abcdef…; written whole or not at all."""

import errno
import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medcore.errors import Refused
from medcore.i18n import _
from medcore.store.engine import disk_full


@dataclass(frozen=True)
class Files:
    """The stored files of one data folder."""

    root: Path

    def put(self, data: bytes) -> str:
        """Stores `data` and gives its hash; Refused where the disk is full."""
        sha = hashlib.sha256(data).hexdigest()
        path = self._path(sha)
        if path.exists():
            return sha
        draft = path.parent / f".{secrets.token_hex(8)}.part"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
            _sync(path.parent)
        except OSError as error:
            draft.unlink(missing_ok=True)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise disk_full() from error
            raise
        return sha

    def get(self, sha: str) -> bytes:
        """The file of that hash; Refused where it is gone or no longer what was stored."""
        try:
            data = self._path(sha).read_bytes()
        except FileNotFoundError:
            data = b""
        if hashlib.sha256(data).hexdigest() != sha:
            raise Refused(
                _("A stored file is gone or was changed on disk ({sha}…).").format(sha=sha[:12]),
                _("Bring the data folder back from a backup."),
            )
        return data

    def has(self, sha: str) -> bool:
        return self._path(sha).exists()

    def remove(self, sha: str) -> None:
        self._path(sha).unlink(missing_ok=True)

    def all(self) -> Iterator[str]:
        """The hash of every stored file."""
        return (path.name for path in self.root.glob("??/*") if not path.name.startswith("."))

    def remove_drafts(self) -> None:
        """Removes what was being written an hour ago and more: its writer was killed."""
        for draft in self.root.glob("??/.*.part"):
            if draft.stat().st_mtime < time.time() - 3600:
                draft.unlink(missing_ok=True)

    def _path(self, sha: str) -> Path:
        return self.root / sha[:2] / sha


def _sync(folder: Path) -> None:
    """Makes a rename in `folder` last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

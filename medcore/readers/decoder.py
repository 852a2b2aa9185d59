"""Reading in a child process of its own, so that a file made to do harm can't take the dashboard along.

One child is kept warm and serves one upload after the other; it is started when first needed and again after it died.
"""

import atexit
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

from medcore.errors import Refused
from medcore.i18n import _, language
from medcore.readers import wire
from medcore.readers.base import Found, Reading
from medcore.readers.table import Table

_ROOT = Path(__file__).resolve().parents[2]


def decode(
    files: Mapping[str, bytes],
    key: bytes = b"",
    mapping: Mapping[str, str] | None = None,
    seconds: float = 60,
    memory_mb: int = 2048,
) -> list[Found]:
    """As `readers.read`, in a child process with limits of time and memory."""
    return decode_each(files, key, mapping, seconds, memory_mb).all()


def decode_each(
    files: Mapping[str, bytes],
    key: bytes = b"",
    mapping: Mapping[str, str] | None = None,
    seconds: float = 60,
    memory_mb: int = 2048,
) -> Reading:
    """As `readers.read_each`, in a child process. Raises Refused when it runs out of time or memory, or dies."""
    request = {"do": "read", "key": key.hex(), "mapping": None if mapping is None else dict(mapping)}
    answer, blobs = _CHILD.ask(request, files, seconds, memory_mb)
    try:
        return wire.unpack_reading(answer, blobs)
    except (KeyError, IndexError, TypeError, ValueError):
        raise _died() from None


def decode_table(files: Mapping[str, bytes], seconds: float = 60, memory_mb: int = 2048) -> Table:
    """As `readers.read_table`, in a child process."""
    return wire.unpack_table(_CHILD.ask({"do": "table"}, files, seconds, memory_mb)[0])


class _Child:
    """The warm child. One request at a time; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def ask(
        self, request: Mapping[str, Any], files: Mapping[str, bytes], seconds: float, memory_mb: int
    ) -> tuple[dict[str, Any], list[memoryview]]:
        header = {
            **request,
            "names": list(files),
            "language": language.get(),
            "seconds": seconds,
            "memory_mb": memory_mb,
        }
        with self._lock:
            process = self._running()
            late = threading.Event()

            def stop() -> None:
                late.set()
                process.kill()

            timer = threading.Timer(seconds, stop)
            timer.start()
            try:
                wire.send(cast(BinaryIO, process.stdin), header, list(files.values()))
                answer, blobs = wire.receive(cast(BinaryIO, process.stdout))
            except (OSError, wire.Broken):
                self._end()
                raise _too_long(seconds) if late.is_set() else _died() from None
            except BaseException:
                # Half a message may be left in the pipe.
                self._end()
                raise
            finally:
                timer.cancel()
            if late.is_set() or "last" in answer:
                self._end()
        if "sentence" in answer:
            raise Refused(answer["sentence"], answer["remedy"])
        return answer, blobs

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is not None and self._owner == os.getpid() and self._process.poll() is None:
            return self._process
        self._end()
        self._process, self._owner = _start(), os.getpid()
        return self._process

    def _end(self) -> None:
        if self._process is not None and self._owner == os.getpid():
            self._process.kill()
            for pipe in (self._process.stdin, self._process.stdout):
                with suppress(OSError):
                    cast(BinaryIO, pipe).close()
            self._process.wait()
        self._process = None

    def close(self) -> None:
        with self._lock:
            self._end()


def _start() -> "subprocess.Popen[bytes]":
    """A fresh interpreter with nothing but what it needs of the environment. What native decoders write is dropped."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"
    kept = {k: v for k in ("PATH", "LD_LIBRARY_PATH", "LANG", "SYSTEMROOT") if (v := os.environ.get(k))}
    paths = [str(_ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, "-m", "medcore.readers.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=memory,
        pipesize=2**20,  # films pass through: at the usual 64 KiB the two would wait for each other a hundred times
        env={
            **kept,
            **one_thread,
            "TMPDIR": memory,
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )


def _too_long(seconds: float) -> Refused:
    return Refused(
        _("Reading the upload took longer than {s:g} s and was stopped.").format(s=seconds),
        _("Upload fewer or smaller files at a time; a file that is small may be damaged."),
    )


def _died() -> Refused:
    return Refused(
        _("The upload broke the decoder: a file in it is damaged, or needs more memory than is allowed."),
        _("Upload the files one by one to find it, and export that one again."),
    )


_CHILD = _Child()
atexit.register(_CHILD.close)

"""The decoder's child process: reads requests from stdin, answers on stdout, until stdin closes.

It may not write files, leaves no core dump, and has limits of memory and processor time for each request.
"""

import os
import resource
import sys
from typing import Any, BinaryIO

from medcore.errors import Refused
from medcore.i18n import language
from medcore.readers import read_each, read_table, wire
from medcore.readers.base import no_memory


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more, or memory has run out: then the parent starts another child."""
    try:
        while True:
            header, blobs = wire.receive(requests)
            _limit(header["seconds"], header["memory_mb"])
            language.set(header["language"])
            files = {name: bytes(blob) for name, blob in zip(header["names"], blobs, strict=True)}
            del blobs
            wire.send(answers, *_answer(header, files))
    except wire.Broken:
        return
    except MemoryError:
        _soft(resource.RLIMIT_AS, resource.RLIM_INFINITY)
        refused = no_memory()
        wire.send(answers, {"sentence": refused.sentence, "remedy": refused.remedy, "last": True}, [])


def _answer(header: dict[str, Any], files: dict[str, bytes]) -> tuple[dict[str, Any], list[bytes | memoryview]]:
    try:
        if header["do"] == "table":
            return wire.pack_table(read_table(files)), []
        return wire.pack_reading(read_each(files, bytes.fromhex(header["key"]), header["mapping"]))
    except Refused as error:
        return {"sentence": error.sentence, "remedy": error.remedy}, []


def _limit(seconds: float, memory_mb: int) -> None:
    """Limits for this request: the soft ones, which are raised or lowered again for the next."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _soft(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime + seconds) + 2)
    _soft(resource.RLIMIT_AS, memory_mb * 2**20)


def _soft(what: int, value: int) -> None:
    hard = resource.getrlimit(what)[1]
    within = value if hard == resource.RLIM_INFINITY else hard if value == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (within, hard))


def _warm_up() -> None:
    """Import now what would make the first request wait."""
    import medcore.readers.groups
    import medcore.readers.raster
    import medcore.readers.wfdb  # noqa: F401


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not get between the answers
    _warm_up()
    serve(requests, answers)


if __name__ == "__main__":
    main()

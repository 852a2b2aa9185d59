"""`python -m medcore.worker`: claims jobs and does them until SIGTERM or SIGINT. Any number, on one database."""

import os
import secrets
import signal
import socket
import sys
import threading

from medcore import jobs
from medcore.clinic import Clinic
from medcore.errors import Refused
from medcore.settings import settings

POLL_SECONDS = 0.5


def main() -> int:
    """Works until told to end; a job in hand is put back with its last checkpoint."""
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    try:
        clinic = Clinic(settings())
        clinic.sweep()
    except Refused as refused:
        print(refused, file=sys.stderr)  # noqa: T201
        return 2
    # MEDCORE_LEASE is for tests, which can't wait half a minute for a takeover.
    lease = float(os.environ.get("MEDCORE_LEASE") or jobs.LEASE)
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    while not ending.is_set():
        try:
            job = jobs.claim(clinic.database, owner, lease)
        except Refused:  # locked or full for now
            job = None
        if job is None:
            ending.wait(POLL_SECONDS)
        else:
            _one_thread()
            clinic.work(job, ending, lease)
    return 0


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m medcore.worker`: claims jobs and does them until SIGTERM or SIGINT. Any number, on one database.

It has two lanes, so that a map that somebody looks at is measured while a training takes its hours.
"""

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


def main(lease: float = jobs.LEASE) -> int:
    """Works until told to end; a job in hand is put back with its last checkpoint. lease: seconds a claim lasts."""
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    try:
        clinic = Clinic(settings())
        clinic.sweep()
    except Refused as refused:
        print(refused, file=sys.stderr)  # noqa: T201
        return 2
    quick = threading.Thread(target=_lane, args=(clinic, ("evidence", "cohort"), lease, ending), name="maps")
    quick.start()
    _lane(clinic, ("train",), lease, ending)
    quick.join()
    return 0


def _lane(clinic: Clinic, kinds: tuple[str, ...], lease: float, ending: threading.Event) -> None:
    """Does the jobs of these kinds, one after the other; those of the first kind go before."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{kinds[0]}:{secrets.token_hex(4)}"
    while not ending.is_set():
        try:
            claimed = (jobs.claim(clinic.database, owner, lease, (kind,)) for kind in kinds)
            job = next((job for job in claimed if job), None)
        except Refused:  # locked or full for now
            job = None
        if job is None:
            ending.wait(POLL_SECONDS)
        else:
            with jobs.Heartbeat(clinic.database, job, lease) as beat:
                _one_thread()
                clinic.work(job, beat, ending)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


if __name__ == "__main__":
    sys.exit(main())

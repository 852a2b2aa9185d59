"""`python -m app.prepare`: brings the database to this release and puts the demo cases into the worklist, once.

The launcher runs it before the dashboard, in a process of its own that takes the nets' memory with it when it ends.
"""

import sys

from medcore.clinic import Clinic
from medcore.errors import Refused
from medcore.i18n import _
from medcore.settings import settings


def main() -> int:
    """0 when the dashboard may start, 2 with a sentence where something has to be mended first."""
    chosen = settings()
    try:
        clinic = Clinic(chosen)
        admin = next(user for user in clinic.users() if user.role == "admin")
        if not clinic.worklist(admin, per_page=1).total:
            print(_("First start: filling the demo worklist in {home}.").format(home=chosen.home), flush=True)
        clinic.seed_demo(admin)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

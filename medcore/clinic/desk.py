"""What all use cases stand on: the open database, the files, the key, and who may do what."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from medcore.clinic.views import User
from medcore.errors import Refused
from medcore.i18n import _
from medcore.settings import Settings
from medcore.store import audit, identity
from medcore.store.engine import open_database
from medcore.store.files import Files
from medcore.store.migrations import migrate
from medcore.store.tables import CaseTable, Role, UserRow

RANK: dict[str, int] = {"reader": 0, "trainer": 1, "admin": 2}
SYSTEM = "system"


class Desk:
    """One data folder, opened."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        try:
            settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Refused(
                _("The data folder {folder} can't be made.").format(folder=settings.home),
                _("Name one that can be written to by MEDCORE_HOME."),
            ) from error
        migrate(settings.database_url)
        self.database = open_database(settings.database_url)
        self.files = Files(settings.home / "files")
        self.key = identity.secret(settings.home)

    @contextmanager
    def _writing(self, user: User, action: str) -> Iterator[tuple[Session, UserRow]]:
        """A transaction of this user's, alone on the database. What is written in it goes to the audit by `action`."""
        with self.database.write() as session:
            yield session, self._account(session, user, action)

    @staticmethod
    def _account(session: Session, user: User, action: str) -> UserRow:
        """The account as the database has it now; Refused where it is gone or its role doesn't allow the action."""
        row = session.get(UserRow, user.id)
        if row is None:
            raise Refused(_("This account is gone."), _("Sign in again."))
        needed = NEEDS.get(action, "reader")
        if RANK[row.role] < RANK[needed]:
            roles = {"reader": _("reader"), "trainer": _("trainer"), "admin": _("administrator")}
            raise Refused(
                _("This needs the role of {needed}; you are signed in as {role}.").format(
                    needed=roles[needed], role=roles[row.role]
                ),
                _("Sign in with another account."),
            )
        return row

    @staticmethod
    def _case(session: Session, case_id: int) -> CaseTable:
        row = session.get(CaseTable, case_id)
        if row is None:
            raise Refused(_("There is no such case."), _("Choose one from the worklist."))
        return row

    def verify_audit(self) -> int | None:
        """Id of the first row of the audit that is not as it was written, or None."""
        with self.database.read() as session:
            return audit.verify(session)


NEEDS: dict[str, Role] = {
    "promote": "trainer",
    "undo": "trainer",
    "retrain": "trainer",
    "cancel_run": "trainer",
    "set_truth": "trainer",
    "make_exercise": "trainer",
    "add_user": "admin",
}

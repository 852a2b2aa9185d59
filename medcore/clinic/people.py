"""Accounts: who is at the desk."""

from functools import cache
from typing import TYPE_CHECKING, cast

from sqlalchemy import select

from medcore.clinic.desk import RANK, SYSTEM, Desk
from medcore.clinic.views import User
from medcore.errors import Refused
from medcore.i18n import _
from medcore.settings import Settings
from medcore.store import audit
from medcore.store.tables import Role, UserRow, now

if TYPE_CHECKING:
    from argon2 import PasswordHasher

FIRST: tuple[Role, ...] = ("reader", "trainer", "admin")
SHORTEST = 8


class People(Desk):
    """Accounts with roles. On 127.0.0.1 an account without a password is open; elsewhere it is shut."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        with self.database.read() as session:
            admin = session.scalar(select(UserRow).where(UserRow.name == "admin"))
        wished = settings.admin_password
        if admin is None or (wished and not _matches(admin.password, wished)):
            self._first_accounts()
        with self.database.read() as session:
            guarded = session.scalar(select(UserRow.id).where(UserRow.role == "admin", UserRow.password.is_not(None)))
        if guarded is None and not self.settings.only_here:
            raise Refused(
                _("The dashboard would be open to others at {address} without a password.").format(
                    address=settings.address
                ),
                _("Set MEDCORE_ADMIN_PASSWORD, or leave ADDRESS at 127.0.0.1."),
            )

    def _first_accounts(self) -> None:
        """The three accounts of a new database; the administrator's password as the settings have it."""
        wished = self.settings.admin_password
        with self.database.write() as session:
            known = {u.name: u for u in session.scalars(select(UserRow))}
            if not known:
                for role in FIRST:
                    known[role] = UserRow(name=role, role=role)
                    session.add(known[role])
                session.flush()
                audit.append(session, SYSTEM, "first_accounts", "users")
            admin = known.get("admin")
            if admin is not None and wished and not _matches(admin.password, wished):
                admin.password = _hasher().hash(_long_enough(wished))
                audit.append(session, SYSTEM, "set_password", f"user {admin.id}")

    def sign_in(self, name: str, password: str = "") -> User:
        """The account of that name; each attempt goes into the audit. Refused without saying which of the two was
        wrong; of an account that lacks a password, where others than this machine may sign in, it is said."""
        with self.database.read() as session:
            row = session.scalar(select(UserRow).where(UserRow.name == name))
        known = row is not None and (_matches(row.password, password) if row.password else self.settings.only_here)
        if row is None or not known:
            with self.database.write() as session:
                audit.append(session, SYSTEM, "sign_in_refused", f"user {row.id}" if row else "users")
            if row is not None and not row.password:
                raise Refused(
                    _("This account has no password and is shut to the network."),
                    _("Ask an administrator to give it one."),
                )
            raise Refused(_("Name or password is wrong."), _("Try again."))
        with self.database.write() as session:
            audit.append(session, row.name, "sign_in", f"user {row.id}")
        return _view(row)

    def users(self) -> list[User]:
        with self.database.read() as session:
            return [_view(row) for row in session.scalars(select(UserRow).order_by(UserRow.id))]

    def user(self, user_id: int) -> User:
        """Refused where there is no such account."""
        with self.database.read() as session:
            row = session.get(UserRow, user_id)
        if row is None:
            raise Refused(_("This account is gone."), _("Sign in again."))
        return _view(row)

    def set_read_first(self, user: User, on: bool) -> User:
        """Whether answers stay hidden from this user until a first read is locked."""
        with self._writing(user, "set_read_first") as (session, me):
            if on != me.read_first:
                me.switched = now()
            me.read_first = on
            audit.append(session, me.name, "set_read_first", f"user {me.id}", {"on": on})
            return _view(me)

    def add_user(self, user: User, name: str, role: Role, password: str = "") -> User:
        """A new account, by an administrator."""
        name = name.strip()
        if not name or name == SYSTEM or len(name) > 60:
            raise Refused(_("An account needs a name of up to 60 letters."), _("Give it one."))
        if role not in RANK:
            raise Refused(_("There is no role “{role}”.").format(role=role), _("Choose reader, trainer or admin."))
        hashed = _hasher().hash(_long_enough(password)) if password else None
        with self._writing(user, "add_user") as (session, me):
            if session.scalar(select(UserRow.id).where(UserRow.name == name)):
                raise Refused(_("There is an account of that name already."), _("Choose another name."))
            row = UserRow(name=name, role=role, password=hashed)
            session.add(row)
            session.flush()
            audit.append(session, me.name, "add_user", f"user {row.id}", {"role": role})
            return _view(row)

    def set_password(self, user: User, user_id: int, password: str) -> User:
        """A new password: one's own, or anybody's by an administrator."""
        hashed = _hasher().hash(_long_enough(password))
        with self._writing(user, "set_password" if user_id == user.id else "add_user") as (session, me):
            row = session.get(UserRow, user_id)
            if row is None:
                raise Refused(_("This account is gone."), _("Choose another."))
            row.password = hashed
            audit.append(session, me.name, "set_password", f"user {row.id}")
            return _view(row)


def _view(row: UserRow) -> User:
    return User(row.id, row.name, cast(Role, row.role), row.read_first, row.password is not None)


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher

    return PasswordHasher()


def _matches(hashed: str | None, password: str) -> bool:
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        return hashed is not None and _hasher().verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _long_enough(password: str) -> str:
    if len(password) < SHORTEST:
        raise Refused(_("The password has fewer than {n} characters.").format(n=SHORTEST), _("Choose a longer one."))
    return password

"""Accounts, the door, and who may do what."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from medcore.clinic import Clinic, User
from medcore.errors import Refused
from medcore.settings import Settings

PASSWORD = "correct horse"


def test_a_new_desk_has_one_account_a_role_and_no_passwords(clinic: Clinic) -> None:
    assert [(u.name, u.role, u.read_first, u.password) for u in clinic.users()] == [
        (role, role, True, False) for role in ("reader", "trainer", "admin")
    ]
    assert clinic.user(clinic.sign_in("trainer").id).role == "trainer"


def test_an_unknown_name_or_wrong_password_is_refused_alike(clinic: Clinic, admin: User) -> None:
    clinic.set_password(admin, admin.id, PASSWORD)
    said = []
    for name, password in (("nobody", ""), ("admin", "wrong"), ("admin", "")):
        with pytest.raises(Refused) as refused:
            clinic.sign_in(name, password)
        said.append(refused.value.sentence)
    assert set(said) == {"Name or password is wrong."}
    assert clinic.sign_in("admin", PASSWORD).password


def test_passwords_are_kept_as_argon2_only(clinic: Clinic, admin: User) -> None:
    clinic.set_password(admin, admin.id, PASSWORD)
    with sqlite3.connect(clinic.settings.home / "medcore.sqlite") as connection:
        (kept,) = connection.execute("SELECT password FROM users WHERE id = ?", (admin.id,)).fetchone()
    connection.close()
    assert kept.startswith("$argon2id$")
    with pytest.raises(Refused, match="fewer than 8"):
        clinic.set_password(admin, admin.id, "short")


def test_beyond_this_machine_a_password_is_needed(bare: Settings) -> None:
    with pytest.raises(Refused, match="without a password"):
        Clinic(replace(bare, address="0.0.0.0"))
    clinic = Clinic(replace(bare, address="0.0.0.0", admin_password=PASSWORD))
    admin = clinic.sign_in("admin", PASSWORD)
    with pytest.raises(Refused, match="shut to the network"):
        clinic.sign_in("reader")
    clinic.set_password(admin, clinic.users()[0].id, "another one")
    assert clinic.sign_in("reader", "another one").role == "reader"
    # Started again without the variable: the password stands.
    assert Clinic(replace(bare, address="0.0.0.0")).sign_in("admin", PASSWORD).role == "admin"


def test_the_settings_password_takes_the_place_of_the_old(bare: Settings) -> None:
    Clinic(replace(bare, admin_password=PASSWORD))
    clinic = Clinic(replace(bare, admin_password="a newer password"))
    with pytest.raises(Refused):
        clinic.sign_in("admin", PASSWORD)
    assert clinic.sign_in("admin", "a newer password").role == "admin"
    assert clinic.sign_in("reader").role == "reader"


def test_an_administrator_adds_accounts(clinic: Clinic, admin: User, reader: User) -> None:
    added = clinic.add_user(admin, "Dr Lee", "trainer", PASSWORD)
    assert clinic.sign_in("Dr Lee", PASSWORD) == added
    for name, role in (("Dr Lee", "reader"), ("", "reader"), ("system", "reader"), ("x", "king")):
        with pytest.raises(Refused):
            clinic.add_user(admin, name, role)  # type: ignore[arg-type]
    with pytest.raises(Refused, match="administrator"):
        clinic.set_password(reader, added.id, "taken over")
    assert clinic.set_password(reader, reader.id, "my own one").password


@pytest.mark.parametrize(
    ("role", "call"),
    [
        ("reader", lambda c, u: c.retrain(u, "mortality")),
        ("reader", lambda c, u: c.cancel_run(u, 1)),
        ("reader", lambda c, u: c.resume_run(u, 1)),
        ("reader", lambda c, u: c.promote(u, 1, "because")),
        ("reader", lambda c, u: c.undo(u, "mortality", "because")),
        ("reader", lambda c, u: c.add_user(u, "x", "reader")),
        ("trainer", lambda c, u: c.add_user(u, "x", "reader")),
    ],
)
def test_roles_are_kept(clinic: Clinic, role: str, call: Callable[[Clinic, User], object]) -> None:
    with pytest.raises(Refused, match="needs the role"):
        call(clinic, clinic.sign_in(role))


def test_a_role_is_that_of_the_database_not_of_what_is_handed_in(clinic: Clinic, reader: User) -> None:
    with pytest.raises(Refused, match="needs the role"):
        clinic.retrain(replace(reader, role="admin"), "mortality")
    with pytest.raises(Refused, match="gone"):
        clinic.worklist(replace(reader, id=999))


def test_read_first_is_per_user(clinic: Clinic, reader: User, trainer: User) -> None:
    assert not clinic.set_read_first(reader, False).read_first
    assert not clinic.user(reader.id).read_first
    assert clinic.user(trainer.id).read_first


def test_the_audit_names_who_came_in_and_who_could_not(clinic: Clinic, admin: User) -> None:
    clinic.set_password(admin, admin.id, PASSWORD)
    with pytest.raises(Refused):
        clinic.sign_in("admin", "wrong")
    with sqlite3.connect(clinic.settings.home / "medcore.sqlite") as connection:
        rows = connection.execute("SELECT user, action, subject FROM audit ORDER BY id").fetchall()
    connection.close()
    assert rows == [
        ("system", "first_accounts", "users"),
        ("admin", "sign_in", f"user {admin.id}"),
        ("admin", "set_password", f"user {admin.id}"),
        ("system", "sign_in_refused", f"user {admin.id}"),
    ]
    assert clinic.verify_audit() is None


def test_a_folder_that_cannot_be_made_is_one_sentence(bare: Settings) -> None:
    with pytest.raises(Refused, match="can't be made"):
        Clinic(replace(bare, home=Path("/dev/null/x")))


def test_only_its_owner_enters_the_data_folder(clinic: Clinic) -> None:
    assert clinic.settings.home.stat().st_mode & 0o077 == 0

"""Which package answers a task, since when, and why."""

import hashlib
import secrets
import shutil
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from medcore import tasks
from medcore.clinic.desk import SYSTEM
from medcore.clinic.shelf import Shelf
from medcore.clinic.views import Use, User, Version
from medcore.errors import Refused
from medcore.i18n import N_, _
from medcore.settings import Settings
from medcore.store import audit
from medcore.store.engine import disk_full
from medcore.store.tables import PackageRow, RunRow, UseRow, UserRow

if TYPE_CHECKING:
    from medcore.packages import Package


BESIDE = ("CARD.md", "checks.json", "neighbours.safetensors")  # of a package's folder what is not of its hash


class Versions(Shelf):
    """The packages that are known here, and the one that answers each task."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._loaded: dict[str, Package] = {}
        self._loading = threading.Lock()
        self._register_shipped()

    def in_use(self, task: str) -> "Package":
        """The package that answers; Refused where there is none yet."""
        with self.database.read() as session:
            row = in_use_row(session, task)
        return self._package(row)

    def package(self, version_id: int) -> "Package":
        """A version's package: card, report, nets."""
        with self.database.read() as session:
            return self._package(_version_row(session, version_id))

    def _package_of(self, hashed: str) -> "Package":
        """The package of that hash."""
        with self.database.read() as session:
            row = session.scalars(select(PackageRow).where(PackageRow.hash == hashed)).first()
        if row is None:
            raise Refused(_("There is no such version."), _("Choose one from the list."))
        return self._package(row)

    def versions(self, task: str) -> list[Version]:
        """All of a task's, the newest first."""
        with self.database.read() as session:
            used = in_use_id(session, task)
            rows = session.scalars(select(PackageRow).where(PackageRow.task == task).order_by(PackageRow.id.desc()))
            return [_version(row, used) for row in rows]

    def answering(self, task: str) -> Version | None:
        """The version of a task that answers, if one does."""
        with self.database.read() as session:
            current = current_use(session, task)
            return _version(current.package, current.package_id) if current else None

    def version(self, version_id: int) -> Version:
        with self.database.read() as session:
            row = _version_row(session, version_id)
            return _version(row, in_use_id(session, row.task))

    def uses(self, task: str) -> list[Use]:
        """Which one answered since when and why, the newest first."""
        with self.database.read() as session:
            query = select(UseRow, UserRow.name).outerjoin(UserRow, UseRow.user_id == UserRow.id)
            rows = session.execute(query.where(UseRow.task == task).order_by(UseRow.id.desc())).all()
        return [
            Use(u.id, u.task, f"{u.task} {u.package.version}", name or SYSTEM, u.reason, u.override, u.at)
            for u, name in rows
        ]

    def promote(self, user: User, version_id: int, reason: str, override: str = "") -> Version:
        """This version answers from now on. Answers that were given keep theirs.

        override: the task's name, typed, where a metric of the version is worse than the one in use.
        """
        reason = _given(reason)
        with self._writing(user, "promote") as (session, me):
            row = _version_row(session, version_id)
            if in_use_id(session, row.task) == row.id:
                raise Refused(_("This version answers already."), _("Choose another version."))
            bad = worse(session, row)
            if bad and override.strip() != row.task:
                raise Refused(
                    _("It is worse than the version in use in: {names}.").format(names=", ".join(bad)),
                    _("To use it all the same, type the task's name: {task}.").format(task=row.task),
                )
            current = current_use(session, row.task)
            override = override.strip() if bad else ""
            self._use(session, row, current.id if current else None, me, reason, override)
            details = {"task": row.task, "hash": row.hash, "override": bool(override)}
            audit.append(session, me.name, "promote", f"package {row.id}", details)
            return _version(row, row.id)

    def undo(self, user: User, task: str, reason: str = "") -> Version:
        """Back to the version that answered before the one in use; once more, to the one before that."""
        reason = _given(reason.strip() or N_("Taken back."))
        with self._writing(user, "undo") as (session, me):
            current = current_use(session, task)
            before = session.get(UseRow, current.before_id) if current and current.before_id else None
            if before is None:
                raise Refused(_("No other version answered before this one."), _("Promote one from the list."))
            self._use(session, before.package, before.before_id, me, reason, "")
            details = {"task": task, "hash": before.package.hash}
            audit.append(session, me.name, "undo", f"package {before.package_id}", details)
            return _version(before.package, before.package_id)

    @staticmethod
    def _use(
        session: Session, row: PackageRow, before_id: int | None, me: UserRow | None, reason: str, override: str
    ) -> None:
        session.add(
            UseRow(
                task=row.task,
                package=row,
                before_id=before_id,
                user_id=me.id if me else None,
                reason=reason,
                override=override,
            )
        )
        session.flush()

    def _package(self, row: PackageRow) -> "Package":
        """Loaded once a process, by its hash; Refused where the folder no longer holds what was registered."""
        from medcore.packages import load

        with self._loading:
            if row.hash not in self._loaded:
                package = load(self.settings.home / row.folder)
                if package.hash != row.hash:
                    raise Refused(
                        _("The package {task} {version} on disk is not the one that was registered.").format(
                            task=row.task, version=row.version
                        ),
                        _("Bring its folder back, or promote another version."),
                    )
                self._loaded[row.hash] = package
            return self._loaded[row.hash]

    def _register_shipped(self) -> None:
        """Makes the packages of `settings.models` known; each answers where no version of its task does yet.

        A damaged one is told on stderr and left out: the others, and all that was read, are still of use.
        """
        from medcore.packages import load

        shipped = sorted(self.settings.models.glob("*/package.json"))
        hashes = {path.parent: hashlib.sha256(path.read_bytes()).hexdigest() for path in shipped}
        with self.database.read() as session:
            known = set(session.scalars(select(PackageRow.hash)))
        for folder, hashed in hashes.items():
            if hashed in known:
                self._freshen(folder, hashed)
        kept = []
        for folder in (folder for folder, hashed in hashes.items() if hashed not in known):
            try:
                kept.append(self._keep(load(folder)))
            except Refused as refused:
                print(f"{folder.name}: {refused}", file=sys.stderr)  # noqa: T201
        if kept:
            with self.database.write() as session:
                for package in kept:
                    self._register(session, None, package)

    def _freshen(self, shipped: Path, hashed: str) -> None:
        """Brings what a later release found out about a known version, and is no part of it, to where it is kept."""
        with self.database.read() as session:
            row = session.scalars(select(PackageRow).where(PackageRow.hash == hashed).limit(1)).one()
        kept = self.settings.home / row.folder
        for name in BESIDE:
            new, old = shipped / name, kept / name
            if new.exists() and kept.is_dir() and (not old.exists() or old.read_bytes() != new.read_bytes()):
                part = old.with_name(f".{secrets.token_hex(8)}")
                try:
                    shutil.copyfile(new, part)
                    part.replace(old)
                except OSError as error:  # the version answers without it
                    part.unlink(missing_ok=True)
                    print(f"{kept.name}: {name}: {error.strerror}", file=sys.stderr)  # noqa: T201

    def _keep(self, package: "Package") -> "Package":
        """A copy in the data folder: the next release brings another, and old answers must still be computable."""
        from medcore.packages import load

        place = self.settings.home / "packages" / package.task.name / f"{package.version}-{package.hash[:12]}"
        draft = place.with_name(f".{secrets.token_hex(8)}")
        try:
            if not place.exists():
                shutil.copytree(package.folder, draft)
                draft.rename(place)
        except (OSError, shutil.Error) as error:
            if shutil.disk_usage(self.settings.home).free < 2**22:
                raise disk_full() from error
            if not place.exists():  # where it does, another process was quicker
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return load(place)

    def _register(self, session: Session, run: RunRow | None, package: "Package") -> PackageRow:
        """A version as a row. A shipped one answers at once where none of its task does; else a trainer may use it."""
        task, hashed = package.task.name, package.hash
        folder = package.folder.relative_to(self.settings.home).as_posix()
        row = session.scalar(select(PackageRow).where(PackageRow.task == task, PackageRow.hash == hashed))
        if row is None:
            source = "run" if run else "shipped"
            row = PackageRow(task=task, version=package.version, hash=hashed, folder=folder, source=source)
            row.report, row.run_id = package.report, run.id if run else None
            session.add(row)
            session.flush()
            audit.append(session, SYSTEM, "register", f"package {row.id}", {"task": task, "hash": hashed})
            if run is None and current_use(session, task) is None:
                self._use(session, row, None, None, _("Shipped with this release."), "")
                audit.append(session, SYSTEM, "promote", f"package {row.id}", {"task": task, "hash": hashed})
        return row


def in_use_id(session: Session, task: str) -> int | None:
    """Id of the version that answers."""
    current = current_use(session, task)
    return current.package_id if current else None


def worse(session: Session, row: PackageRow) -> list[str]:
    """Metrics in which a run's candidate is worse than what it was compared with, by their paired range."""
    run = session.get(RunRow, row.run_id) if row.run_id else None
    return list((run.report or {}).get("worse", ())) if run else []


def current_use(session: Session, task: str) -> UseRow | None:
    return session.scalars(select(UseRow).where(UseRow.task == task).order_by(UseRow.id.desc()).limit(1)).first()


def in_use_row(session: Session, task: str) -> PackageRow:
    """The version that answers; Refused where there is none yet."""
    current = current_use(session, tasks.get(task).name)
    if current is None:
        raise Refused(
            _("No version answers “{title}” yet.").format(title=_(tasks.get(task).title)),
            _("Train one on the Train page and promote it."),
        )
    return current.package


def _version_row(session: Session, version_id: int) -> PackageRow:
    row = session.get(PackageRow, version_id)
    if row is None:
        raise Refused(_("There is no such version."), _("Choose one from the list."))
    return row


def _version(row: PackageRow, used: int | None) -> Version:
    return Version(
        id=row.id,
        task=row.task,
        package=f"{row.task} {row.version}",
        version=row.version,
        hash=row.hash,
        source=cast(Literal["shipped", "run"], row.source),
        run_id=row.run_id,
        in_use=row.id == used,
        at=row.at,
        report=row.report,
    )


def _given(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise Refused(_("A reason is needed."), _("Write why in a few words."))
    return reason[:500]

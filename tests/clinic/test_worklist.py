"""The worklist with 100,000 cases: each of its queries is served by an index."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from medcore.clinic import Clinic, Page, User
from medcore.errors import Refused
from medcore.settings import settings
from tests.clinic.many import fill

N = 100_000


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    home = tmp_path_factory.mktemp("full")
    url = f"sqlite:///{home / 'medcore.sqlite'}"
    clinic = Clinic(replace(settings(), home=home, database_url=url, models=Path(home / "none"), admin_password=""))
    fill(clinic, N)
    yield clinic
    clinic.database.engine.dispose()


@pytest.fixture(scope="module")
def user(full: Clinic) -> User:
    return full.sign_in("reader")


def plans(clinic: Clinic, call: Callable[[], object]) -> list[str]:
    """Lines of the query plan of each statement that `call` runs on cases."""
    seen: list[tuple[str, object]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: object, *_more: object) -> None:
        if statement.startswith("SELECT") and "cases" in statement:
            seen.append((statement, parameters))

    event.listen(clinic.database.engine, "before_cursor_execute", note)
    try:
        call()
    finally:
        event.remove(clinic.database.engine, "before_cursor_execute", note)
    assert seen
    with clinic.database.read() as session:
        return [
            str(row[3])
            for statement, parameters in seen
            for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]
        ]


def check(lines: list[str], sorted_by_index: bool = True) -> None:
    for line in lines:
        assert not line.startswith("SCAN cases") or "INDEX" in line, line
        assert not sorted_by_index or "FOR ORDER BY" not in line, line


@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("sort", ["received", "number", "kind", "patient", "age", "state"])
def test_every_order_is_a_walk_along_an_index(full: Clinic, user: User, sort: str, descending: bool) -> None:
    check(plans(full, lambda: full.worklist(user, sort=sort, descending=descending, page=2000)))


@pytest.mark.parametrize("kind", ["", "signal"])
@pytest.mark.parametrize("state", ["", "to_read", "reviewed", "second"])
def test_every_filter_is_served_in_order_of_arrival(full: Clinic, user: User, kind: str, state: str) -> None:
    check(plans(full, lambda: full.worklist(user, kind=kind, state=state, page=3)))


@pytest.mark.parametrize("text", ["ECG-00", "ecg-0042", "42", "P00000012", "rhythm", "nothing like it"])
def test_every_search_is_served(full: Clinic, user: User, text: str) -> None:
    check(plans(full, lambda: full.worklist(user, text=text)), sorted_by_index=False)


def test_a_case_finds_its_place_by_index(full: Clinic, user: User) -> None:
    check(plans(full, lambda: full.open_case(user, N // 2)))


def test_counts_and_pages_add_up(full: Clinic, user: User) -> None:
    page = full.worklist(user)
    assert page.total == N == sum(page.counts.values())
    assert page.pages == N // 25
    assert [r.id for r in page.rows] == list(range(N, N - 25, -1))
    assert [r.id for r in full.worklist(user, page=page.pages + 7).rows] == list(range(25, 0, -1))
    signals = full.worklist(user, kind="signal", state="reviewed")
    assert signals.total == signals.counts["reviewed"]
    assert sum(signals.counts.values()) > signals.total
    assert {(r.kind, r.state) for r in signals.rows} == {("signal", "reviewed")}


def test_no_case_is_shown_twice_or_never(full: Clinic, user: User) -> None:
    found: list[int] = []
    for page in range(1, 9):
        found += [r.id for r in full.worklist(user, kind="image", state="unanswerable", sort="age", page=page).rows]
    total = full.worklist(user, kind="image", state="unanswerable").total
    assert len(found) == len(set(found)) == min(total, 200)
    ages = [r.age_years for r in full.worklist(user, sort="age", descending=False).rows]
    assert ages == sorted(ages)  # type: ignore[type-var]
    patients = [r.patient for r in full.worklist(user, sort="patient", descending=False, page=3).rows]
    assert patients == sorted(patients)


def test_a_search_finds_what_a_person_means(full: Clinic, user: User) -> None:
    def numbers(page: Page) -> set[str]:
        return {r.number for r in page.rows}

    assert numbers(full.worklist(user, text="ecg-0042")) == {"ECG-0042"}
    assert numbers(full.worklist(user, text=" 42 ")) == {"REC-0042", "FILM-0042", "ECG-0042"}
    assert {r.patient for r in full.worklist(user, text="p000000123").rows} == {"P000000123"}
    assert {r.task for r in full.worklist(user, text="which RHYTHM").rows} == {"ecg_rhythm"}
    assert full.worklist(user, text="100% _ ' \"").total == 0


def test_number_order_is_by_number_not_by_letter(full: Clinic, user: User) -> None:
    last = full.worklist(user, kind="signal", sort="number").rows[0].number
    assert int(last.split("-")[1]) > 30_000


def test_an_unknown_order_is_refused(full: Clinic, user: User) -> None:
    with pytest.raises(Refused, match="can't be sorted"):
        full.worklist(user, sort="secret")


def test_neighbours_and_place(full: Clinic, user: User) -> None:
    view = full.open_case(user, N - 10)
    assert (view.previous, view.next, view.position, view.total) == (N - 9, N - 11, 11, N)
    assert full.open_case(user, N).previous is None
    assert full.open_case(user, 1).next is None

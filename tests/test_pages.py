"""What the pages stand on, without a browser: nobody comes in unseen, and the small parts do what they say."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from app.parts import later, words
from medcore.clinic import InputView
from medcore.settings import REPO

PAGES = sorted(p.stem for p in (REPO / "pages").glob("*.py") if p.stem != "__init__")


def words_of(at: AppTest) -> str:
    return " ".join(str(block.proto.body) for block in at.get("html"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_shows_nothing_to_somebody_who_is_not_signed_in(
    name: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDCORE_HOME", str(tmp_path_factory.getbasetemp() / "stranger"))
    at = AppTest.from_file(str(REPO / "pages" / f"{name}.py"), default_timeout=60).run()
    assert not at.exception
    assert "You are not signed in." in words_of(at)
    for kind in ("dataframe", "button", "selectbox", "table", "text_input", "file_uploader", "download_button"):
        assert not at.get(kind), f"{name} shows a {kind}"


# errors


def broken(what: str) -> None:
    from app.parts import care
    from medcore.errors import Refused

    with care.guarded():
        if what == "refused":
            raise Refused("The film is lateral.", "Upload a frontal one.")
        raise ValueError("Jane Roe, born 1950")


def test_what_a_person_caused_is_told() -> None:
    at = AppTest.from_function(broken, args=("refused",)).run()
    assert "The film is lateral." in words_of(at)
    assert "Upload a frontal one." in words_of(at)


def test_a_bug_is_told_quietly_and_logged_without_what_it_held(caplog: pytest.LogCaptureFixture) -> None:
    at = AppTest.from_function(broken, args=("bug",)).run()
    assert not at.exception
    assert "Something went wrong; nothing was lost." in words_of(at)
    assert "Roe" not in words_of(at)
    assert "ValueError" in caplog.text
    assert "in broken" in caplog.text
    assert "born 1950\n" not in caplog.text.replace('raise ValueError("Jane Roe, born 1950")', "")


# the address


def choosing() -> None:
    import streamlit as st

    from app.parts import address

    options = ["ecg", "film"]
    now = address.asked("kind", options, "ecg")
    picked = st.selectbox("Kind", options, options.index(now), key="kind")
    address.keep("kind", picked, "ecg")
    st.write(f"row {address.number('row')}")
    st.write(f"address {dict(st.query_params)}")


@pytest.mark.parametrize(("asked", "gets"), [("film", "film"), ("nonsense", "ecg"), ("", "ecg")])
def test_the_address_says_what_is_chosen(asked: str, gets: str) -> None:
    at = AppTest.from_function(choosing)
    at.query_params["kind"] = asked
    assert at.run().selectbox[0].value == gets


def test_a_choice_goes_into_the_address_and_the_default_out_of_it() -> None:
    at = AppTest.from_function(choosing).run()
    assert at.markdown[1].value == "address {}"
    at.selectbox[0].select("film").run()
    assert at.markdown[1].value == "address {'kind': 'film'}"
    at.selectbox[0].select("ecg").run()
    assert at.markdown[1].value == "address {}"


@pytest.mark.parametrize(("row", "number"), [("12", "12"), ("-1", "None"), ("1e9", "None"), ("9" * 30, "None")])
def test_a_number_in_the_address_is_a_number(row: str, number: str) -> None:
    at = AppTest.from_function(choosing)
    at.query_params["row"] = row
    assert at.run().markdown[0].value == f"row {number}"


# work beside the page


def test_work_is_done_once_for_all_who_ask() -> None:
    may_end, done = threading.Event(), []

    def work() -> str:
        may_end.wait(30)
        done.append(1)
        return "answer"

    assert later.soon("once", work) is None
    assert later.soon("once", work) is None
    may_end.set()
    while (result := later.soon("once", work)) is None:
        pass
    assert result == "answer"
    assert done == [1]


def test_what_went_wrong_beside_the_page_is_raised_on_it() -> None:
    def work() -> str:
        raise TimeoutError("its own, not the page's patience")

    with pytest.raises(TimeoutError, match="its own"):
        later.soon("wrong", work)


# words


def test_words_for_what_a_case_holds() -> None:
    def view(kind: str, shape: tuple[int, ...], **facts: str) -> InputView:
        return InputView(1, kind, facts, (), shape, "")

    assert words.described([view("signal", (12, 5000))]) == "12-lead ECG"
    assert words.described([view("signal", (1, 3000))]) == "One-lead ECG"
    assert words.described([view("image", (9, 9), body_part="CHEST", view="PA")]) == "Chest film, PA"
    assert words.described([view("record", (27,))]) == "Patient record"
    assert words.described([]) == ""


@pytest.mark.parametrize(("age", "said"), [(63.4, "63 y"), (2.0, "2 y"), (1.5, "18 mo"), (0.0, "0 mo"), (None, "")])
def test_ages(age: float | None, said: str) -> None:
    assert words.years(age) == said


def test_times() -> None:
    now = datetime.now(UTC)
    assert words.since(now) == f"{now:%H:%M}"
    assert words.since(now - timedelta(days=1)) == "Yesterday"
    assert words.day(datetime(2026, 11, 3, 12, tzinfo=UTC)) == "3 Nov 2026"
    assert [words.duration(s) for s in (0.2, 40, 660, 7200)] == ["about 1 s", "about 40 s", "about 11 min", "about 2 h"]


def test_metrics_in_words() -> None:
    assert words.metric("ece") == "Calibration error"
    assert words.metric("auroc_atrial_fibrillation") == "AUROC, atrial fibrillation"
    assert words.metric("f1_cinc2017") == "F1, cinc2017"

"""What the pages stand on, without a browser: nobody comes in unseen, and the small parts do what they say."""

import io
import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PIL import Image as Pillow
from streamlit.testing.v1 import AppTest

from app.parts import later, picture, words
from medcore.clinic import InputView
from medcore.inputs import Image
from medcore.settings import REPO
from medcore.simulate.ecg import ecg
from medcore.simulate.record import record
from medcore.tasks import all_tasks

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


# the picture to take away


def opened(png: bytes) -> np.ndarray:
    return np.asarray(Pillow.open(io.BytesIO(png)).convert("RGB"), float)


def one(kind: str) -> tuple[object, str]:
    """A task of that kind and its field."""
    return next((t, name) for t in all_tasks().values() for name, f in t.fields.items() if f.kind == kind)


def test_a_film_is_tinted_where_the_map_is_hot_and_nowhere_else() -> None:
    task, name = one("image")
    given = Image(np.full((400, 400), 100, np.uint16) + np.arange(400, dtype=np.uint16), bits=12)
    heat = np.zeros((40, 40))
    heat[4:10, 30:36] = 1
    found = opened(picture.png(task, name, given, heat, ["FILM-0001"]))  # type: ignore[arg-type]
    film = found[:1000, 100:1100]  # 1000 × 1000 in the middle of 1200
    colour = film.max(-1) - film.min(-1)
    assert colour[125:225, 775:875].mean() > 40
    assert colour[500:, :500].max() < 3


def test_a_strip_and_a_record_are_drawn_with_their_words() -> None:
    task, name = one("signal")
    strip = ecg(3)
    heat = np.zeros(strip.samples.shape, np.float32)
    heat[:, : strip.samples.shape[1] // 3] = 1
    marked = opened(picture.png(task, name, strip, heat, ["ECG-0001"]))  # type: ignore[arg-type]
    plain = opened(picture.png(task, name, strip, np.zeros_like(heat), ["ECG-0001"]))  # type: ignore[arg-type]
    assert marked.shape == plain.shape
    assert np.abs(marked - plain).max() > 100

    task, name = one("record")
    columns = task.fields[name].columns  # type: ignore[attr-defined]
    values = np.zeros(len(columns))
    values[0], values[1] = 0.1, -0.05
    found = opened(picture.png(task, name, record(1)[0], values, ["REC-0001"]))  # type: ignore[arg-type]
    raises, lowers = np.array([240, 138, 82]), np.array([167, 164, 247])
    assert (np.abs(found[20] - raises).max(-1) < 3).sum() == pytest.approx(220, abs=3)
    assert (np.abs(found[54] - lowers).max(-1) < 3).sum() == pytest.approx(110, abs=3)

"""What an answer is worth is told as it was come by: an outline's cut is fixed, others were chosen."""

import pytest
from streamlit.testing.v1 import AppTest

from medcore import tasks


def drawn(name: str) -> None:
    """The parts of the rail that tell it, of a made-up card to that task's answer."""
    from app.parts import worth
    from medcore import tasks
    from medcore.clinic import Card, Limit
    from medcore.learn.predict import Answer

    outcome = tasks.get(name).outcome
    p = {label.name: 0.9 for label in outcome.labels}
    given = Answer(name, name, "", p, {}, dict.fromkeys(p, 0.5), next(iter(p)), (), 0.0, (), (), (), "cpu", 0.0)
    mask = outcome.kind == "mask"
    figure = {"value": 0.8, "low": 0.75, "high": 0.85}
    places = [("north", 40), ("south", 3)]
    card = Card(
        open=(),
        coverage={},
        rates={},
        limits=(),
        sources=tuple(Limit("source", place, n, "dice", figure, 0.8, False) for place, n in places),
        simulated=False,
        overlap=figure if mask else None,
        counts={n: {"n_with": 88, "n_without": 0} for n in p} if mask else {},
    )
    worth.overlap(card)
    worth.not_excluded(card, outcome)
    worth.limits(card)
    worth.origin(card, given, outcome)


def told(name: str) -> str:
    at = AppTest.from_function(drawn, args=(name,)).run()
    assert not at.exception
    return " ".join(str(block.proto.body) for block in at.get("html"))


@pytest.mark.parametrize("name", tasks.all_tasks())
def test_the_cut_is_told_as_it_was_come_by(name: str) -> None:
    words, kind = told(name), tasks.get(name).outcome.kind
    assert ("Youden" in words) == (kind in ("binary", "multilabel"))
    assert ("a fixed cut" in words) == (kind == "mask")
    assert ("No cut" in words) == (kind == "multiclass")


@pytest.mark.parametrize("name", [n for n, t in tasks.all_tasks().items() if t.grid])
def test_an_outline_says_how_well_it_agrees_and_why_nothing_is_excluded(name: str) -> None:
    words = told(name)
    assert "Dice on patients never seen: 0.80 (0.75" in words
    assert "of 88 patients measured 0 were without" in words


def test_where_a_package_learnt_is_told_where_the_case_says_nothing() -> None:
    words = told("cxr_pneumonia")
    assert "It learnt from: north 0.80; south (fewer than 30 cases) (Dice)." in words

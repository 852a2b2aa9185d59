"""What-if, bands, curves and counterfactuals, beside a rule that can be worked out by hand."""

import sys
from collections.abc import Iterator
from math import exp

import numpy as np
import pytest

from medcore import tasks
from medcore.errors import Refused
from medcore.explain.counterfactual import Change, counterfactual
from medcore.explain.curves import curves
from medcore.explain.records import changed, record_field, said
from medcore.explain.what_if import absent_bands, what_if
from medcore.inputs import Record
from medcore.inputs.record import Value
from medcore.learn.predict import answer
from medcore.packages import Package, load
from medcore.settings import settings
from medcore.simulate.record import record as simulated
from tests.explain.linear import NAME, USUAL, package, write_task

# crea 0.69 above the cut's value: logit 1.38
RECORD: dict[str, Value] = {"age": 60.0, "crea": 2.65, "hrt": 100.0, "drug": "a", "lact": None}


def sigmoid(z: float) -> float:
    return 1 / (1 + exp(-z))


def having(**values: Value) -> Record:
    return Record({**RECORD, **values})


@pytest.fixture(scope="module")
def rule(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Package]:
    folder = tmp_path_factory.mktemp("tasks")
    write_task(folder)
    tasks.__path__.append(str(folder))
    tasks.all_tasks.cache_clear()
    yield package(tmp_path_factory.mktemp("package"))
    tasks.__path__.remove(str(folder))
    sys.modules.pop(f"medcore.tasks.{NAME}")
    tasks.all_tasks.cache_clear()


# other values


def test_it_says_what_the_rule_says(rule: Package) -> None:
    was, now = what_if(rule, having(), {"crea": 1.5, "lact": 2.0}, "cpu")
    assert was.probabilities["yes"] == pytest.approx(sigmoid(1.38), abs=1e-6)
    assert now.probabilities["yes"] == pytest.approx(sigmoid(-0.92 + 1.0), abs=1e-6)
    assert (was.choice, now.choice) == ("yes", "yes")
    assert what_if(rule, having(), {"crea": 1.4}, "cpu")[1].choice == "no"
    low, high = now.ranges["yes"]
    assert low <= now.probabilities["yes"] <= high


def test_the_record_as_it_is_is_answered_as_ever(rule: Package) -> None:
    given = answer(rule, {"record": having()}, "cpu")
    was, now = what_if(rule, having(), {}, "cpu")
    assert was.probabilities == now.probabilities
    assert was.probabilities["yes"] == pytest.approx(given.probabilities["yes"], abs=1e-7)
    assert (was.choice, was.unlike, was.thresholds) == (given.choice, given.unlike, given.thresholds)


def test_a_value_taken_out_is_not_measured(rule: Package) -> None:
    _was, now = what_if(rule, having(), {"crea": None}, "cpu")
    assert now.probabilities["yes"] == pytest.approx(0.5, abs=1e-6)


def test_values_far_from_the_training_data_are_withheld(rule: Package) -> None:
    was, now = what_if(rule, having(), {"hrt": 121.0}, "cpu")
    assert (was.withheld, now.withheld) == (False, True)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"age": 20.0}, "Age can't be changed"),
        ({"height": 1.8}, "height can't be changed"),
        ({"drug": "c"}, "not one of its categories"),
        ({"crea": "high"}, "not a number"),
        ({"crea": float("nan")}, "not a number"),
    ],
)
def test_what_is_no_value_or_fixed_is_refused(rule: Package, values: dict[str, Value], words: str) -> None:
    with pytest.raises(Refused, match=words):
        what_if(rule, having(), values, "cpu")


def test_only_a_task_of_one_record_has_a_record_to_change() -> None:
    found = {name: record_field(task) is not None for name, task in tasks.all_tasks().items()}
    kinds = {name: [spec.kind for spec in task.fields.values()] for name, task in tasks.all_tasks().items()}
    assert found == {name: kind == ["record"] for name, kind in kinds.items()}
    assert {True, False} == set(found.values())


def test_many_records_are_answered_as_each_alone(rule: Package) -> None:
    records = [having(crea=1.0 + i / 100) for i in range(300)]  # more than one pass takes
    together = said(rule, records, "cpu")
    alone = [said(rule, [r], "cpu").probabilities[0] for r in records[::50]]
    assert np.allclose(together.probabilities[::50], alone, atol=1e-7)
    assert together.unlike.shape == (300,)


# what was not measured


def test_the_band_of_an_absent_value_is_the_rules(rule: Package) -> None:
    (band,) = absent_bands(rule, having(), "yes", "cpu")
    assert (band.column, band.at_low, band.at_high, band.turns) == ("lact", 0.5, 8.0, False)
    assert (band.low, band.high) == pytest.approx((sigmoid(1.38 + 0.25), sigmoid(1.38 + 4.0)), abs=1e-6)


def test_bands_come_widest_first_and_say_what_turns_the_answer(rule: Package) -> None:
    bands = absent_bands(rule, having(crea=1.5, hrt=None, drug=None), "yes", "cpu")  # logit −0.92 without them
    assert [(b.column, b.turns) for b in bands] == [("lact", True), ("drug", True), ("hrt", False)]
    # 120 and 148 beats per minute would turn it, but nobody in the training data is like that.
    assert (bands[2].at_low, bands[2].at_high) == (55.0, 100.0)
    widths = [b.high - b.low for b in bands]
    assert widths == sorted(widths, reverse=True)
    assert absent_bands(rule, having(lact=1.0), "yes", "cpu") == ()


# curves


def test_curves_follow_the_rule_and_their_mean_is_partial_dependence(rule: Package) -> None:
    found = curves(rule, [having(), having(age=62.0)], "crea", "yes", "cpu")
    assert (found.at[0], found.at[-1]) == (0.6, 5.4)
    assert all(abs(float(v or 0) * 10 - round(float(v or 0) * 10)) < 1e-9 for v in found.at)
    by_hand = [[sigmoid(2 * (float(v or 0) - 1.96) + extra) for v in found.at] for extra in (0.0, 1.0)]
    assert np.allclose(found.each, by_hand, atol=1e-6)
    assert np.allclose(found.mean, np.mean(by_hand, 0), atol=1e-6)


def test_a_curve_has_no_number_where_the_record_is_unlike_the_training_data(rule: Package) -> None:
    found = curves(rule, [having()], "hrt", "yes", "cpu")
    known = [abs(float(v or 0) - 80) < 40 for v in found.at]
    assert np.isfinite(found.each[0]).tolist() == known == np.isfinite(found.mean).tolist()
    assert True in known and False in known


def test_the_curve_of_a_category_has_a_point_for_each(rule: Package) -> None:
    found = curves(rule, [having()], "drug", "yes", "cpu")
    assert found.at == ("a", "b")
    assert found.each[0] == pytest.approx([sigmoid(1.38), sigmoid(4.38)], abs=1e-6)


# the smallest change


def test_the_nearest_change_of_one_value_turns_the_answer(rule: Package) -> None:
    """28 beats are 28 / 48 of their interquartile range, 0.75 mg/dL 0.75 / 1.1 of theirs: the heart rate is nearer."""
    found = counterfactual(rule, having(), "yes", "cpu")
    assert found is not None
    assert found.changes == (Change("hrt", 100.0, 72.0),)
    assert found.distance == pytest.approx(28 / 48)
    assert (found.before, found.after) == pytest.approx((sigmoid(1.38), sigmoid(-0.02)), abs=1e-6)
    # One step less, and the answer stays.
    assert what_if(rule, having(), {"hrt": 73.0}, "cpu")[1].choice == "yes"
    assert found.unlike == pytest.approx((50 / 101, 20 / 101), abs=0.011)


def test_a_value_that_was_not_measured_is_no_change(rule: Package) -> None:
    found = counterfactual(rule, having(hrt=None), "yes", "cpu")
    assert found is not None
    assert found.changes == (Change("crea", 2.65, 1.9),)


def test_steps_are_whole_and_what_is_fixed_stays(rule: Package) -> None:
    """Three years of age would be nearest by far."""
    for crea in np.arange(1.97, 3.0, 0.07):
        found = counterfactual(rule, having(crea=float(crea)), "yes", "cpu")
        assert found is not None
        assert {c.column for c in found.changes} <= {"crea", "hrt", "drug"}
        for change in found.changes:
            steps = float(change.new or 0) * {"crea": 10, "hrt": 1}[change.column]
            assert steps == pytest.approx(round(steps), abs=1e-6)
        assert (
            what_if(rule, having(crea=float(crea)), {c.column: c.new for c in found.changes}, "cpu")[1].choice == "no"
        )


def test_two_values_change_where_one_is_not_enough(rule: Package) -> None:
    """logit 6.08: 45 beats take 2.25 of it, 2.1 mg/dL 4.2, both 6.45."""
    found = counterfactual(rule, having(crea=2.7, age=69.2), "yes", "cpu")
    assert found is not None
    assert {c.column for c in found.changes} == {"crea", "hrt"}
    new = {c.column: float(c.new or 0) for c in found.changes}
    assert new["crea"] >= 0.6
    assert new["hrt"] >= 55
    # Neither can be taken back by a step.
    for name, step in (("crea", 0.1), ("hrt", 1.0)):
        less: dict[str, Value] = {**new, name: new[name] + step}
        assert what_if(rule, having(crea=2.7, age=69.2), less, "cpu")[1].choice == "yes"


def test_nothing_is_found_beyond_the_usual_range(rule: Package) -> None:
    assert counterfactual(rule, having(age=75.0), "yes", "cpu") is None


def test_an_answer_is_turned_to_the_other_side_too_but_not_into_what_is_unlike(rule: Package) -> None:
    """Logit −1.32: 27 beats more would be nearest, but nobody has 127, so the creatinine has to rise."""
    found = counterfactual(rule, having(crea=1.3, drug=None), "yes", "cpu")
    assert found is not None
    assert found.changes == (Change("crea", 1.3, 2.0),)
    assert found.unlike[1] < 0.99
    assert what_if(rule, having(crea=1.3), {"hrt": 127.0}, "cpu")[1].choice == "yes"


def test_a_category_changes_where_no_number_does(rule: Package) -> None:
    found = counterfactual(rule, having(age=58.0, crea=None, hrt=None, drug="b"), "yes", "cpu")  # logit 2, without b −1
    assert found is not None
    assert (found.changes, found.distance) == ((Change("drug", "b", "a"),), 1.0)


# the shipped rule


@pytest.mark.skipif(not (settings().models / "mortality").is_dir(), reason="no shipped package of records")
def test_the_shipped_package_keeps_ranges_steps_and_what_is_fixed() -> None:
    shipped = load(settings().models / "mortality")
    ((name, spec),) = shipped.task.fields.items()
    columns = {c.name: c for c in spec.columns}  # type: ignore[attr-defined]
    usual, cut, none = shipped.about["reference"][name]["usual"], shipped.about["thresholds"][0], 0
    for seed in range(6):
        given = simulated(seed)[0]
        found = counterfactual(shipped, given, "hospital_death", "cpu")
        if found is None:
            none += 1
            continue
        assert (found.before >= cut) != (found.after >= cut)
        assert found.unlike[1] < 0.99
        for c in found.changes:
            column, old, new = columns[c.column], float(c.old or 0), float(c.new or 0)
            assert not column.fixed
            assert given.values[c.column] == c.old != c.new
            assert min(old, usual[c.column][0] - 1e-4) <= new <= max(old, usual[c.column][-1] + 1e-4)
            assert round(new / column.step, 6) == pytest.approx(round(new / column.step), abs=1e-4)
        new_record = changed(given, {c.column: c.new for c in found.changes})
        again = answer(shipped, {name: new_record}, "cpu").probabilities["hospital_death"]
        assert again == pytest.approx(found.after, abs=1e-6)
    assert none < 6


# what it would like to have


def test_absent_values_are_wished_by_how_far_they_would_move_the_answer(rule: Package) -> None:
    """Creatinine is such that the rest of the rule is what each value adds: weight × (value − centre)."""
    adds = {
        "age": [0.5 * (float(v) - 60) for v in USUAL["age"]],
        "hrt": [0.05 * (float(v) - 100) for v in USUAL["hrt"]],
        "drug": [0.0, 3.0],
        "lact": [0.5 * float(v) for v in USUAL["lact"]],
    }
    spread = {name: float(np.std([sigmoid(z) for z in each])) for name, each in adds.items()}
    order = sorted(spread, key=spread.__getitem__, reverse=True)
    given = answer(rule, {"record": Record({"crea": 1.96})}, "cpu")
    assert given.wished == tuple(order[:3]) and set(given.absent) == set(adds)
    without = answer(rule, {"record": Record({"crea": 1.96, order[0]: USUAL[order[0]][2]})}, "cpu").wished
    assert order[0] not in without and len(without) == 3
    assert answer(rule, {"record": Record({"crea": 20.0, "age": 60.0})}, "cpu").wished == ()


def test_a_shipped_package_wishes_for_what_would_move_it() -> None:
    """Of a record of which only age and sex are known."""
    folder = settings().models / "mortality"
    if not folder.is_dir():
        pytest.skip("no package of mortality is shipped here")
    shipped, known = load(folder), {"age": 70.0, "sex": "male"}
    given = answer(shipped, {"record": Record(dict(known))}, "cpu")
    assert len(given.wished) == 3 and set(given.wished) < set(given.absent)
    usual = shipped.about["reference"]["record"]["usual"]

    def moved(column: str) -> float:
        said = [answer(shipped, {"record": Record({**known, column: v})}, "cpu").probabilities for v in usual[column]]
        return float(np.std([p["hospital_death"] for p in said]))

    sizes = [moved(column) for column in given.wished]
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] > 0.005

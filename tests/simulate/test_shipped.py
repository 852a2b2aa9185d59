"""What the simulators draw is answered sensibly by the packages that learnt from patients."""

import pytest

from medcore.learn.evaluate import evaluate
from medcore.packages import shipped
from medcore.settings import settings
from medcore.tasks import all_tasks

SEED = 31
BARS = {  # by the kind of outcome, below what was measured on 100 cases of another seed
    "binary": ("auroc", 0.75),
    "multiclass": ("auroc_macro", 0.93),
    "multilabel": ("auroc_macro", 0.88),
    "mask": ("dice", 0.5),
}
CASES, OUTLINED = {"image": 60}, 12  # by the kind of input, as many as a minute allows; else 100


@pytest.mark.parametrize("name", all_tasks())
def test_the_shipped_package_answers_simulated_cases(name: str) -> None:
    packages = shipped(settings().models)
    if name not in packages:
        pytest.skip("no package is shipped for it")
    task = all_tasks()[name]
    kinds = {spec.kind for spec in task.fields.values()}
    n = OUTLINED if task.grid else min(CASES.get(kind, 100) for kind in kinds)
    found = evaluate(packages[name], task.simulate(n, SEED), device="cpu")
    metric, bar = BARS[task.outcome.kind]
    assert found["n"] == n
    assert found["metrics"][metric]["value"] > bar

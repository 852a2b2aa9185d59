"""What shipped packages say of volumes without one of their sequences, and whether the question is asked then."""

import numpy as np
import pytest

from medcore.checks import stored
from medcore.errors import Unasked
from medcore.inputs import Volume, VolumeField
from medcore.packages import load
from medcore.settings import settings
from medcore.tasks import all_tasks

TASKS = [n for n, t in all_tasks().items() if any(isinstance(f, VolumeField) for f in t.fields.values())]


@pytest.mark.parametrize("name", TASKS)
def test_a_sequence_without_which_half_is_lost_is_asked_for(name: str) -> None:
    if not (settings().models / name).is_dir():
        pytest.skip(f"no package of {name} is shipped here")
    package = load(settings().models / name)
    checks = stored(package)
    assert checks
    (section,) = (s for s in checks["sections"] if s["name"] == "sequences")
    dice = {row["title"]: row["figures"]["dice"]["value"] for row in section["rows"]}
    (field,) = (f for f in package.task.fields.values() if isinstance(f, VolumeField))
    voxels = np.random.default_rng(0).integers(0, 99, (len(field.sequences), 8, 96, 96))
    for i, names in enumerate(field.sequences):
        others = [k for k in range(len(voxels)) if k != i]
        given = Volume(voxels[others], np.eye(4), tuple(field.sequences[k][0] for k in others))
        if dice[f"Without {names[0]}"] < 0.5 * dice["All sequences"]:
            with pytest.raises(Unasked, match=f"There is no {names[0]}"):
                field.check(given)
        else:
            assert names[0] in field.check(given)[0]

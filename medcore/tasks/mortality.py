"""Death in hospital from a record of study day 3."""

from typing import TYPE_CHECKING

from medcore.datasets.support2 import COLUMNS, support2
from medcore.i18n import N_
from medcore.inputs import RecordField
from medcore.outcomes import Binary, Label
from medcore.simulate.record import records
from medcore.tasks.task import Recipe, Task

if TYPE_CHECKING:
    from medcore.nets.tabular import TabularNet


FIELD = RecordField(COLUMNS, drop=0.1)


def net() -> "TabularNet":
    """An untrained net."""
    from medcore.nets.tabular import TabularNet

    return TabularNet(len(FIELD.slots), 1)


TASK = Task(
    name="mortality",
    title=N_("Death in hospital"),
    question=N_("Will this patient die in hospital?"),
    unit_noun=N_("patients"),
    fields={"record": FIELD},
    outcome=Binary(
        present=Label("hospital_death", N_("Death in hospital"), N_("died in hospital")),
        absent=Label("survival", N_("Discharged alive"), N_("left hospital alive"), finding=False),
    ),
    net=net,
    recipe=Recipe(epochs=24, batch=128, learning_rate=2e-3, weight_decay=5e-2, patience=8),
    dataset="support2",
    data=support2,
    simulate=records,
    explain=("integrated_gradients", "shapley", "occlusion"),
    shown="hospital_death",
    intended_use=N_(
        "Showing how a risk model reads a record of seriously ill adults, with its uncertainty and its reasons."
    ),
    not_for=N_("Decisions on treatment, admission or the withholding of care; patients unlike those of SUPPORT."),
    limits=(
        N_("Learnt from five US centres, 1989 to 1994; care and mortality have changed since."),
        N_("Physiology is that of day 3 in the study; earlier or later values mean something else."),
        N_("Glucose, urea nitrogen and urine are missing for half of the patients, by study phase."),
        N_("Race and income are inputs as the source recorded them; they carry how care was given, not biology."),
    ),
)

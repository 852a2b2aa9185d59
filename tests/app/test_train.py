"""The Train page, without a browser: a run is asked for as its form says."""

from streamlit.testing.v1 import AppTest

from medcore.clinic import Clinic
from medcore.settings import REPO
from medcore.tasks import get

TASK = "mortality"


def test_the_recipe_of_a_run_is_the_tasks_unless_changed(clinic: Clinic) -> None:
    own = get(TASK).recipe
    page = AppTest.from_file(str(REPO / "app" / "main.py"), default_timeout=60)
    page.user = {"id": str(clinic.sign_in("trainer").id)}
    page.query_params = {"task": TASK}
    page.switch_page("../pages/train.py").run()

    def started() -> dict[str, object]:
        page.button(key="train-start-now").click().run()
        assert not page.exception
        run = clinic.runs(TASK)[0]
        clinic.cancel_run(clinic.sign_in("trainer"), run.id)
        page.run()
        return dict(run.settings)

    first = started()
    usual = {"batch": own.batch, "learning_rate": own.learning_rate, "patience": own.patience}
    assert (first["recipe"], first["folds"]) == ({"epochs": 10, **usual}, 1)
    page.number_input(key=f"train-batch-{TASK}").set_value(16)
    page.number_input(key=f"train-rate-{TASK}").set_value(2.5e-3)
    page.number_input(key=f"train-patience-{TASK}").set_value(3)
    page.number_input(key="train-folds").set_value(2).run()
    second = started()
    changed = {"epochs": 10, "batch": 16, "learning_rate": 2.5e-3, "patience": 3}
    assert (second["recipe"], second["folds"]) == (changed, 2)
    shown = " ".join(str(block.proto.body) for block in page.get("html"))
    assert "0.0025" in shown and "Patience, epochs" in shown

"""The New case page, without a browser: what is on the way is there again."""

from streamlit.testing.v1 import AppTest

from medcore.clinic import Clinic
from medcore.settings import REPO


def opened(clinic: Clinic, page: str = "new_case", **asked: str) -> AppTest:
    """A session of its own, as after a reload."""
    at = AppTest.from_file(str(REPO / "app" / "main.py"), default_timeout=60)
    at.user, at.query_params = {"id": str(clinic.sign_in("reader").id)}, asked
    return at.switch_page(f"../pages/{page}.py").run()


def shown(at: AppTest) -> str:
    assert not at.exception
    return " ".join(str(getattr(node, "proto", "")) for node in at._tree)


def test_the_last_upload_is_there_after_a_reload(clinic: Clinic) -> None:
    assert "Your last upload" not in shown(opened(clinic))
    clinic.admit(clinic.sign_in("reader"), {"ward.csv": b"patient_id,age,sex,hrt\np1,61,male,80\np2,62,male,81\n"})
    again = shown(opened(clinic))
    assert "Your last upload" in again and "REC-0001" in again and "REC-0002" in again


def test_a_half_typed_record_outlasts_a_look_at_another_page(clinic: Clinic) -> None:
    at = opened(clinic, way="record")
    (age,) = (box for box in at.number_input if box.label == "Age, years")
    age.set_value(71.0).run()
    at.switch_page("../pages/worklist.py").run()
    at.query_params = {"way": "record"}
    at.switch_page("../pages/new_case.py").run()
    (age,) = (box for box in at.number_input if box.label == "Age, years")
    assert age.value == 71.0 and not at.exception

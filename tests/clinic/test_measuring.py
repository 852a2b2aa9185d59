"""Measurements by case: computed once, for those who are signed in; remarks on quality where a case comes in."""

from dataclasses import replace

import numpy as np
import pytest

from medcore.clinic import Clinic, User
from medcore.clinic import measuring as module
from medcore.errors import Refused
from medcore.inputs import Image
from medcore.inputs.signal import LEADS
from medcore.simulate import ecg as simulator
from medcore.simulate import thorax
from tests.readers import make_ecg


def strip(seed: int = 1):
    return simulator.ecg(seed, rate_hz=500, seconds=10, noise_mv=0.01, leads=LEADS)


def test_each_recording_of_a_case_is_measured(clinic: Clinic, reader: User) -> None:
    case_id = clinic.admit_inputs(reader, [strip()])
    (input_id,) = (i.id for i in clinic.open_case(reader, case_id).inputs)
    found = clinic.measurements(reader, case_id)
    assert list(found) == [input_id]
    assert found[input_id].lead == "II"
    assert found[input_id].rate_bpm == pytest.approx(75, abs=30)
    assert clinic.measurement(reader, input_id) is found[input_id]


def test_the_memory_of_measurements_is_bounded(clinic: Clinic, reader: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 1)
    first, second = (next(iter(clinic.measurements(reader, clinic.admit_inputs(reader, [strip(s)])))) for s in (1, 2))
    assert len(clinic._measured) == 1
    assert clinic.measurement(reader, first).rate_bpm != clinic.measurement(reader, second).rate_bpm


def test_other_inputs_and_other_people_get_nothing(clinic: Clinic, reader: User) -> None:
    case_id = clinic.admit_inputs(reader, [thorax.film(1, size=128)[0]])
    assert clinic.measurements(reader, case_id) == {}
    (input_id,) = (i.id for i in clinic.open_case(reader, case_id).inputs)
    for wrong in (input_id, 999):
        with pytest.raises(Refused, match="no such recording"):
            clinic.measurement(reader, wrong)
    ecg = next(iter(clinic.measurements(reader, clinic.admit_inputs(reader, [strip()]))))
    with pytest.raises(Refused, match="account is gone"):
        clinic.measurement(replace(reader, id=99), ecg)


def test_quality_is_told_on_arrival_and_kept_with_the_case(clinic: Clinic, reader: User) -> None:
    given = strip()
    samples = given.samples.copy()
    samples[LEADS.index("V3")] = 0
    admission = clinic.admit(reader, {"a.xml": make_ecg.aecg(replace(given, samples=samples))})
    assert any("Nothing moves in lead V3" in r for r in admission.remarks)
    (kept,) = (i.remarks for i in clinic.open_case(reader, admission.cases[0]).inputs)
    assert any("Nothing moves in lead V3" in r for r in kept)
    film, _mask = thorax.film(1, size=256)
    case_id = clinic.admit_inputs(reader, [Image(np.rot90(film.pixels).copy(), bits=12)])
    (kept,) = (i.remarks for i in clinic.open_case(reader, case_id).inputs)
    assert any("turned by 270°" in r for r in kept)


def test_edf_aecg_and_muse_become_cases_and_the_same_again_is_known(clinic: Clinic, reader: User) -> None:
    given = strip()
    files = {"a.edf": make_ecg.edf([given]), "b.xml": make_ecg.aecg(given), "c.xml": make_ecg.muse(given)}
    for name, content in files.items():
        admission = clinic.admit(reader, {name: content})
        assert not admission.refused
        assert len(admission.cases) == 1
        again = clinic.admit(reader, {"other": content})
        assert again.known == admission.cases
        (input_id,) = (i.id for i in clinic.open_case(reader, admission.cases[0]).inputs)
        assert sorted(clinic.input(reader, input_id).leads) == sorted(LEADS)

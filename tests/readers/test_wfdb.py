import json
import re
from pathlib import Path

import numpy as np
import pytest

from medcore.errors import Refused
from medcore.inputs import Signal
from medcore.inputs.signal import lead_name
from medcore.readers import Found, read, read_each
from tests.readers.make import one, packed, signal, wfdb


def beside(path: Path) -> dict[str, bytes]:
    """A record's own header and whatever else lies beside it, but no other record's header."""
    multi = "multiseg" in path.parent.name
    return {
        p.name: p.read_bytes()
        for p in sorted(path.parent.iterdir())
        if p.suffix != ".hea" or multi or p.name == f"{path.name}.hea"
    }


def leads(found: tuple[Found, ...]) -> dict[str, tuple[Signal, int]]:
    out = {}
    for f in found:
        assert isinstance(f.input, Signal)
        out |= {name: (f.input, i) for i, name in enumerate(f.input.leads)}
    return out


@pytest.mark.data
def test_every_sample_reads_as_expected(data, subtests):
    folder = data / "wfdb_samples"
    for name, expected in json.loads((folder / "expected.json").read_text()).items():
        with subtests.test(name):
            path = folder / name
            if path.suffix:
                check_other_format(path, expected)
            elif expected.get("error_ok"):
                check_broken(path)
            else:
                found = read_each(beside(path)).found
                for f in found:
                    one(f.files)
                check_values(found, expected)


def check_other_format(path, expected):
    content = path.read_bytes()
    if expected.get("error_ok"):
        with pytest.raises(Refused, match="holds no recording"):
            read({"x": content})
        return
    given = signal(content)
    fs = expected["fs"]
    assert given.rate_hz == (fs[0] if isinstance(fs, list) else fs)
    names = [lead_name(re.split("[(,]", lead_name(n))[0]) for n in expected["leads"]]
    assert set(names) <= set(given.leads)
    n = expected["samples_per_lead"]
    assert given.samples.shape == (len(given.leads), n[0] if isinstance(n, list) else n)
    for i, name in enumerate(names):
        y = given.samples[given.leads.index(name)]
        factor = 1e-3 if expected["units"][i] == "uV" else 1.0
        assert given.units[given.leads.index(name)] == "mV"
        close = {"atol": 1e-3 * factor, "rtol": 1e-6}
        np.testing.assert_allclose(y[:3], np.array(expected["first"][i]) * factor, **close)
        np.testing.assert_allclose(
            [y.min(), y.max()], np.array([expected["min"][i], expected["max"][i]]) * factor, **close
        )


def check_broken(path):
    with pytest.raises(Refused) as caught:
        read(beside(path))
    assert f"{path.name}.dat" in caught.value.sentence


def check_values(found, expected):
    names = [lead_name(n) for n in expected["leads"]]
    given = leads(found)
    assert sorted(given) == sorted(names)
    counts = expected["samples_per_lead"]
    counts = counts if isinstance(counts, list) else [counts] * len(names)
    for i, name in enumerate(names):
        whole, row = given[name]
        assert whole.units[row] == expected["units"][i]
        y = whole.samples[row]
        if len(y) == counts[i]:
            assert whole.rate_hz == pytest.approx(expected["fs"] * counts[i] / min(counts))
        else:
            # Here the expected figures are means of each frame, into which wfdb takes the -2048 that stands for
            # "not recorded" as a value. Ours is NaN.
            y = np.nan_to_num(y, nan=-2048 / 2000).reshape(counts[i], -1).mean(1)
        assert np.isnan(y).sum() == expected["nan"][i]
        if expected["first_valid"][i]:
            at, *values = expected["first_valid"][i]
            close = {"atol": 1e-3, "rtol": 1e-6}
            np.testing.assert_allclose(y[at : at + len(values)], values, **close)
            np.testing.assert_allclose([np.nanmin(y), np.nanmax(y)], [expected["min"][i], expected["max"][i]], **close)


@pytest.mark.data
def test_many_records_in_one_packed_file_each_find_their_samples(data):
    folder = data / "cinc2017"
    headers = sorted(folder.glob("A000*.hea"))[:60]
    names = {h.read_text().split()[4] for h in headers}
    files = {p.name: p.read_bytes() for p in [*headers, *(folder / n for n in names)]}
    found = read({"upload.zip": packed(files)})
    assert len(found) == len(headers)
    for header, f in zip(headers, found, strict=True):
        words = header.read_text().split()
        n, offset, first = int(words[3]), int(words[5].partition("+")[2] or 0), int(words[9])
        stored = np.frombuffer(files[words[4]], "<i2", n, offset)
        assert stored[0] == first
        np.testing.assert_allclose(f.input.samples[0], stored / 1000, rtol=1e-6)
        assert f.case == header.stem


def test_gaps_stay_gaps():
    given = signal(wfdb())
    assert given.samples.dtype == np.float32
    assert np.isnan(given.samples[:, ::100]).all()
    assert np.isnan(given.samples).sum() == 12
    np.testing.assert_allclose(given.samples[0, 1:4], [0.001, 0.002, 0.003], rtol=1e-6)


@pytest.mark.parametrize(
    ("unit", "name", "factor"), [("uV", "mV", 1e-3), ("µV", "mV", 1e-3), ("nV", "mV", 1e-6), ("mmHg", "mmHg", 1)]
)
def test_voltages_come_in_millivolt_and_others_in_their_unit(unit, name, factor):
    files = wfdb()
    given = signal({**files, "r1.hea": files["r1.hea"].replace(b"/mV", f"/{unit}".encode())})
    assert given.units == (name, name)
    assert given.samples[0, 500 + 1] == pytest.approx(0.501 * factor)


@pytest.mark.parametrize(
    ("comment", "facts"),
    [
        ("# age: 81\n# sex: female\n", {"age_years": "81", "sex": "F"}),
        ("#Age: 74\n#Sex: Male\n#Dx: 426783006\n", {"age_years": "74", "sex": "M"}),
        ("# <age>: 25  <sex>: M  <diagnoses>: (none)\n", {"age_years": "25", "sex": "M"}),
        ("# 69 M 1085 1629 x1\n", {"age_years": "69", "sex": "M"}),
        ("# age: NaN\n# dosage: 40 mg\n", {}),
    ],
)
def test_age_and_sex_are_found_in_comments(comment, facts):
    assert one(wfdb(comment)).input.facts == facts


def test_headers_in_other_folders_find_their_own_files():
    a, b = wfdb(), wfdb()
    b["r1.dat"] = bytes(len(b["r1.dat"]))
    files = {f"{folder}/{n}": c for folder, rec in (("a", a), ("b", b)) for n, c in rec.items()}
    first, second = read({"two.zip": packed(files)})
    assert np.nanmax(first.input.samples) > 0.5
    assert not second.input.samples.any()


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (b"r1 2 200 600\nr1.dat 16 1000/mV 16 0 0 0 0 I\n", "announces 2 lines and has 1"),
        (b"r1 2 200 700\nr1.dat 16 1000 16 0 0 0 0 I\nr1.dat 16 1000 16 0 0 0 0 II\n", "ends after 600 of 700 samples"),
        (b"r1 1 200 600\n../../etc/passwd 16 1000 16 0 0 0 0 I\n", "which is not there"),
        (b"r1 1 200 600\nhttp://x.org/r1.dat 16 1000 16 0 0 0 0 I\n", "which is not there"),
        (b"r1 1 200 600\nr1.dat 16 what 16 0 0 0 0 I\n", "Line 2 of the WFDB header"),
        (b"r1 1 200 99999999999999\n~ 0 200 16 0 0 0 0 I\n", "The header claims"),
        (b"r1 1 200 99999999999999\nr1.dat 16 200 16 0 0 0 0 I\n", "ends after"),
        (b"r1 1 200 5\nr1.dat 16x999999999999 200 16 0 0 0 0 I\n", "ends after 0"),
        (b"r1/2 1 200 99999999999999\n~ 1\nr9 99999999999998\n", "segment r9"),
        (b"r1/1 1 200 5\n~ 5\n", "gaps only"),
        (b"r1 0 200 5\n", "describes no signal"),
        (b"r1 1 0 5\nr1.dat 16 200 16 0 0 0 0 I\n", "describes no signal"),
    ],
)
def test_a_header_that_cannot_be_followed_is_refused(header, says):
    reading = read_each({"r1.hea": header, "r1.dat": wfdb()["r1.dat"]})
    assert not reading.found
    assert says in reading.refused[0].error.sentence
    assert reading.refused[0].error.remedy


def test_a_signal_file_alone_asks_for_its_header():
    with pytest.raises(Refused, match=r"\.hea"):
        read({"r1.dat": wfdb()["r1.dat"]})


def test_segments_have_no_segments_of_their_own():
    with pytest.raises(Refused, match="has segments itself"):
        read({"r1.hea": b"r1/1 1 200 5\nr2 5\n", "r2.hea": b"r2/1 1 200 5\nr3 5\n"})

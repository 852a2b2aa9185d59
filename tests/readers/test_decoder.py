"""The child process: the same results, within limits, and up again after whatever befell it."""

import os
import resource
import signal as signals
import threading
import time

import numpy as np
import pytest

from medcore.errors import Refused
from medcore.i18n import language
from medcore.inputs import sha256
from medcore.readers import decode, decode_each, decode_table, decoder, read
from tests.readers.make import ecg, film, packed, part10, picture, wfdb

GREY = np.random.default_rng(0).integers(0, 256, (320, 320), dtype=np.uint8)
FILES = {
    "film.dcm": part10(film()),
    "ecg.dcm": part10(ecg()),
    "a.jpg": picture(GREY, "JPEG"),
    "deep.png": picture(GREY.astype(np.uint16) * 200),
    "strip.zip": packed(wfdb("# age: 61\n")),
    "t.csv": b"patient,age,crea,note\n7,61,1.5,\n8,,,well\n",
}
MANY_ROWS = b"a,b,c,d,e,f,g,h\n" + b"1.5,x,2.5,y,3.5,z,4.5,w\n" * 20_000


def test_it_gives_what_reading_gives():
    here, there = read(FILES, b"key"), decode(FILES, b"key")
    assert len(here) == len(there) == 7
    for a, b in zip(here, there, strict=True):
        assert sha256(a.input) == sha256(b.input)
        assert a.input.facts == b.input.facts
        assert (a.files, a.person, a.remarks, a.case) == (b.files, b.person, b.remarks, b.case)
        assert type(a.input) is type(b.input)
    assert there[0].input.window == here[0].input.window
    assert there[3].input.pixels.flags.writeable


def test_refusals_come_back_with_their_remedy():
    reading = decode_each({"a": b"%PDF", "b": FILES["a.jpg"]})
    assert len(reading.found) == 1
    (refusal,) = reading.refused
    assert (refusal.name, refusal.foreign) == ("a", True)
    assert "PDF" in refusal.error.sentence
    assert refusal.error.remedy
    with pytest.raises(Refused, match="PDF"):
        decode({"a": b"%PDF"})


def test_tables_come_for_mapping():
    assert decode_table({"t": FILES["t.csv"]}).columns == ("patient", "age", "crea", "note")
    with pytest.raises(Refused, match="None of these files"):
        decode_table({"a": FILES["a.jpg"]})


def test_mapping_goes_along():
    found = decode({"t": b"Nr,K\nx,1.5\n"}, mapping={"Nr": "patient", "K": "crea"})
    assert (found[0].person, dict(found[0].input.values)) == ("x", {"crea": 1.5})


def test_out_of_time_is_one_sentence_and_the_next_upload_is_read():
    decode({"a": FILES["a.jpg"]})
    start = time.perf_counter()
    with pytest.raises(Refused, match=r"took longer than 0\.02 s"):
        decode({"t": MANY_ROWS}, seconds=0.02)
    assert time.perf_counter() - start < 1.5
    assert len(decode({"a": FILES["a.jpg"]})) == 1


def test_out_of_memory_is_one_sentence_and_the_next_upload_is_read():
    large = picture(np.zeros((9000, 9000), np.uint8))
    assert len(large) < 500_000
    with pytest.raises(Refused, match=r"memory|damaged"):
        decode({"a": large}, memory_mb=250)
    assert len(decode({"a": FILES["a.jpg"]}, memory_mb=2048)) == 1


def test_no_memory_for_the_upload_itself_is_refused_too():
    with pytest.raises(Refused, match="memory"):
        decode({"a": bytes(200 * 2**20)}, memory_mb=150)
    assert len(decode({"a": FILES["a.jpg"]})) == 1


def test_a_child_that_was_killed_is_started_again():
    decode({"a": FILES["a.jpg"]})
    decoder._CHILD._process.kill()
    decoder._CHILD._process.wait()
    assert len(decode({"a": FILES["a.jpg"]})) == 1


def test_a_child_that_dies_over_an_upload_is_one_sentence():
    decode({"a": FILES["a.jpg"]})
    pid = decoder._CHILD._process.pid
    killer = threading.Timer(0.05, os.kill, (pid, signals.SIGKILL))
    killer.start()
    with pytest.raises(Refused, match="broke the decoder"):
        decode({"t": MANY_ROWS})
    killer.join()


def test_many_threads_share_it():
    results: dict[str, str] = {}

    def work(name: str) -> None:
        results[name] = sha256(decode({name: FILES[name]})[0].input)

    threads = [threading.Thread(target=work, args=(n,)) for n in list(FILES) * 3]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == {name: sha256(read({name: content})[0].input) for name, content in FILES.items()}


def test_it_is_limited_and_knows_little():
    decode({"a": FILES["a.jpg"]}, memory_mb=700)
    pid = decoder._CHILD._process.pid
    assert resource.prlimit(pid, resource.RLIMIT_AS)[0] == 700 * 2**20
    assert resource.prlimit(pid, resource.RLIMIT_FSIZE) == (0, 0)
    assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0)
    with open(f"/proc/{pid}/environ") as file:
        names = {entry.partition("=")[0] for entry in file.read().split("\0") if entry}
    assert "MEDCORE_ADMIN_PASSWORD" not in names
    assert "HOME" not in names
    assert os.readlink(f"/proc/{pid}/fd/2") == "/dev/null"
    with open(f"/proc/{pid}/maps") as file:
        assert "torch" not in file.read()


def test_sentences_come_in_the_language_of_the_one_who_asks():
    token = language.set("xx")  # has no catalogue: falls back to English, but has to get there
    try:
        with pytest.raises(Refused, match="PDF"):
            decode({"a": b"%PDF"})
    finally:
        language.reset(token)


def test_a_warm_round_trip_adds_little():
    files = {"a.jpg": FILES["a.jpg"]}
    decode(files)

    def best(do) -> float:
        times = []
        for _i in range(15):
            start = time.perf_counter()
            do(files)
            times.append(time.perf_counter() - start)
        return min(times)

    assert best(decode) - best(read) < 0.01

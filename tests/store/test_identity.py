"""The key and the pseudonyms made with it."""

import stat
import threading
from pathlib import Path

import pytest

from medcore.errors import Refused
from medcore.store.identity import pseudonym, secret


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    key = secret(tmp_path)
    assert len(key) == 32
    assert secret(tmp_path) == key
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["secret"]


def test_processes_that_start_together_get_the_same(tmp_path: Path) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(secret(tmp_path))) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_damaged_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"short")
    with pytest.raises(Refused, match="damaged"):
        secret(tmp_path)


def test_a_pseudonym_is_the_same_for_a_person_and_another_with_another_key() -> None:
    a = pseudonym(b"k" * 32, "Doe^Jane|hospital")
    assert a == pseudonym(b"k" * 32, "Doe^Jane|hospital")
    assert a != pseudonym(b"k" * 32, "Doe^John|hospital")
    assert a != pseudonym(b"l" * 32, "Doe^Jane|hospital")
    assert len(a) == 10
    assert a.isalnum()
    assert a.isupper()

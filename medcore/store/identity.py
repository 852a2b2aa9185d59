"""The key that turns a patient's identity into a pseudonym. It never leaves this machine's data folder."""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from medcore.errors import Refused
from medcore.i18n import _

BYTES = 32


def secret(home: Path) -> bytes:
    """The 32 bytes of `home`/secret (mode 0600), made at first call; several processes get the same."""
    path = home / "secret"
    if not path.exists():
        draft = home / f".secret-{secrets.token_hex(8)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    found = path.read_bytes()
    if len(found) != BYTES:
        raise Refused(
            _("The file “secret” in the data folder is damaged."),
            _("Bring it back from a backup: without it a patient's uploads no longer meet."),
        )
    return found


def pseudonym(key: bytes, person: str) -> str:
    """Ten letters and digits (50 bits of a keyed hash): the same for the same person, useless without the key."""
    digest = hmac.new(key, b"pseudonym\0" + person.encode(), hashlib.sha256).digest()
    return base64.b32encode(digest)[:10].decode()

"""The address of the sliders, behind the same guard as the pages: asked as a browser asks, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from medcore.settings import settings

ASK = """
import asyncio, json, sys
import app.server as server
from app.guard import COOKIE
from app.parts.desk import clinic
from medcore.simulate.record import record

desk = clinic()
reader = desk.sign_in("reader")
read, unread = (desk.admit_inputs(reader, [record(seed)[0]]) for seed in (1, 2))
desk.lock_read(reader, read, "mortality", "")

async def ask(case, body, *headers, label="hospital_death"):
    sent, path = [], f"/what_if/{case}/mortality/{label}"
    async def send(message): sent.append(message)
    async def receive(): return {"type": "http.request", "body": body, "more_body": False}
    length = (b"content-length", str(len(body)).encode())
    await server.app({"type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"",
                      "headers": [(b"host", b"desk"), length, *headers], "scheme": "http", "server": ("desk", 80),
                      "root_path": "", "http_version": "1.1", "client": ("127.0.0.1", 1)}, receive, send)
    text = b"".join(m.get("body", b"") for m in sent[1:]).decode()
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, text

cookie = (b"cookie", f"{COOKIE}={server.COOKIES.dumps(reader.id)}".encode())
own = (b"origin", b"http://desk")
moved = json.dumps({"values": {"crea": 6.0}}).encode()
async def main():
    return {
        "same": await ask(read, b'{"values": {}}', cookie, own), "moved": await ask(read, moved, cookie, own),
        "stranger": await ask(read, moved, own), "elsewhere": await ask(read, moved, cookie),
        "unread": await ask(unread, moved, cookie, own), "none": await ask(999, moved, cookie, own),
        "fixed": await ask(read, b'{"values": {"age": 20}}', cookie, own),
        "text": await ask(read, b"hello", cookie, own), "list": await ask(read, b'{"values": [1]}', cookie, own),
        "label": await ask(read, moved, cookie, own, label="nothing"),
        "long": await ask(read, b" " * 20000, cookie, own),
    }
sys.stdout.write("\\n" + json.dumps(asyncio.run(main())))
"""


@pytest.mark.skipif(not (settings().models / "mortality").is_dir(), reason="no shipped package of records")
def test_values_are_answered_for_who_may_see_the_answer(tmp_path: Path) -> None:
    env = {**os.environ, "MEDCORE_HOME": str(tmp_path / "home"), "MEDCORE_DATABASE_URL": ""}
    env["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", ASK], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert {name: reply[0] for name, reply in found.items()} == {
        "same": 200, "moved": 200, "stranger": 401, "elsewhere": 403, "unread": 404, "none": 404, "fixed": 404,
        "text": 400, "list": 400, "label": 400, "long": 413,
    }  # fmt: skip
    same, moved = (json.loads(found[name][2]) for name in ("same", "moved"))
    assert same["change"] == "As recorded"
    assert moved["change"].startswith("As recorded ") and moved["change"].endswith(" points of 100")
    assert same["p"] != moved["p"] and moved["low"] <= moved["p"] <= moved["high"]
    assert moved["shown"] == f"{100 * moved['p']:.0f}\u00a0%"
    assert found["moved"][1]["cache-control"] == "private, no-store"
    assert "read is locked" in found["unread"][2]
    assert '"p"' not in found["unread"][2]

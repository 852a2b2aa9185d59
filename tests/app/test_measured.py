"""The route of measurements, behind the same guard as the pages: asked as a browser asks, in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

ASK = """
import asyncio, json, sys
import app.server as server
from app.guard import COOKIE
from app.parts.desk import clinic
from medcore.inputs.signal import LEADS
from medcore.simulate.ecg import ecg
from medcore.simulate.thorax import film

desk = clinic()
reader = desk.sign_in("reader")
ids = [desk.open_case(reader, desk.admit_inputs(reader, [g])).inputs[0].id
       for g in (ecg(1, rate_hz=500, seconds=10, noise_mv=0.01, leads=LEADS), film(1, size=128)[0])]

async def ask(path, *headers):
    sent = []
    async def send(message): sent.append(message)
    async def receive(): return {"type": "http.request", "body": b"", "more_body": False}
    await server.app({"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
                      "headers": [(b"host", b"desk"), *headers], "scheme": "http", "server": ("desk", 80),
                      "root_path": "", "http_version": "1.1", "client": ("127.0.0.1", 1)}, receive, send)
    body = b"".join(m.get("body", b"") for m in sent[1:])
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}, body.decode()

cookie = (b"cookie", f"{COOKIE}={server.COOKIES.dumps(reader.id)}".encode())
async def main():
    return [await ask(f"/measure/{ids[0]}", cookie), await ask(f"/measure/{ids[0]}"), await ask("/measure/999", cookie),
            await ask(f"/measure/{ids[1]}", cookie)]
sys.stdout.write("\\n" + json.dumps(asyncio.run(main())))
"""
FIELDS = {
    "lead", "rate_bpm", "pr_ms", "qrs_ms", "qt_ms", "qtc_bazett_ms", "qtc_fridericia_ms", "r_peaks", "segments", "beat",
    "beat_rate_hz", "beat_r_index", "einthoven_mv", "remarks",
}  # fmt: skip


def test_measurements_are_json_for_those_who_are_signed_in(tmp_path: Path) -> None:
    env = {**os.environ, "MEDCORE_HOME": str(tmp_path / "home"), "MEDCORE_DATABASE_URL": ""}
    env["PYTHONPATH"] = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", ASK], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    good, stranger, unknown, film = json.loads(done.stdout.splitlines()[-1])
    assert good[0] == 200
    assert good[1]["content-type"] == "application/json"
    assert good[1]["cache-control"] == "private, no-store"
    found = json.loads(good[2])
    assert set(found) == FIELDS
    assert 40 < found["rate_bpm"] < 110
    assert found["lead"] == "II"
    assert len(found["beat"]) == 12
    assert len(found["beat"]["II"]) == round(0.9 * 500)
    assert set(found["segments"][0]) == {"kind", "start", "end"}
    assert stranger[0] == 401
    assert unknown[0] == film[0] == 404

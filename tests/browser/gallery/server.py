"""The viewers on a page of their own, fed with arrays of which every value is known. `python server.py PORT`."""

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
import uvicorn
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.guard import HEADERS
from medcore.inputs import Image, Signal
from medcore.settings import REPO
from medcore.simulate.ecg import ecg
from medcore.store.pack import pack, view_input

WAVES = (("P", -80, -50), ("QRS", -25, 25), ("ST", 25, 100), ("T", 100, 200))  # samples from the R peak
TWELVE = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")


def film(monochrome1: bool = False) -> Image:
    """400 × 300, 12 bit: a ramp from left to right, and a bright square in the upper left corner."""
    bright = np.tile(np.linspace(400, 3600, 300), (400, 1))
    bright[20:80, 20:80] = 3600
    stored = 4000 - bright if monochrome1 else bright
    return Image(np.rint(stored).astype(np.uint16), monochrome1, None if monochrome1 else (0.2, 0.2), 12)


def colour() -> Image:
    """200 × 200: red left, blue right."""
    picture = np.zeros((200, 200, 3), np.uint8)
    picture[:, :100] = (200, 40, 30)
    picture[:, 100:] = (20, 60, 180)
    return Image(picture)


def large() -> Image:
    """2048 × 2048, 14 bit: what the route sends at most."""
    y, x = np.mgrid[0:2048, 0:2048]
    return Image((8000 + 6000 * np.sin(x / 150) * np.cos(y / 190)).astype(np.uint16), bits=14)


def gap() -> Signal:
    """One lead, 30 s, of which seconds 4 to 6 were not recorded."""
    given = ecg(3, noise_mv=0.0)
    given.samples[:, 1200:1800] = np.nan
    return given


def pressure() -> Signal:
    """A lead in mV, one in mmHg, one without a unit; 40 s."""
    t = np.arange(4000) / 100
    rows = [np.sin(2 * np.pi * t), 90 + 30 * np.sin(2 * np.pi * t), 5 * np.sin(np.pi * t)]
    return Signal(np.stack(rows).astype(np.float32), 100.0, ("II", "ABP", "X"), ("mV", "mmHg", ""))


def paced() -> Signal:
    """Twelve leads, 10 s at 500 Hz: a beat each 0.8 s from 0.4 s on, 0.25 mV high in I, 0.5 in II, and so on."""
    t = np.arange(5000) / 500
    beat = np.exp(-((((t + 0.4) % 0.8) - 0.4) ** 2) / 0.0002)
    rows = [(i + 1) * np.roll(beat, 200) for i in range(12)]
    return Signal((np.stack(rows) / 4).astype(np.float32), 500.0, TWELVE, ("mV",) * 12)


def windowed(centre: float, width: float) -> Image:
    """The film with a window of its own."""
    return replace(film(), window=(centre, width))


INPUTS = {
    "film": film,
    "windowed": lambda: windowed(1500, 1600),
    "whole": lambda: windowed(2000, 3400),
    "monochrome1": lambda: film(True),
    "colour": colour,
    "large": large,
    "long": lambda: ecg(7, rate_hz=500, seconds=60, leads=TWELVE),
    "twelve": lambda: ecg(5, rate_hz=500, seconds=10, leads=TWELVE),
    "paced": paced,
    "one": lambda: ecg(4),
    "minute": lambda: ecg(6, seconds=61),
    "gap": gap,
    "pressure": pressure,
}


def marks() -> np.ndarray:
    """(1, 400, 300) uint8: two upright rectangles of the film, of 6 % together."""
    mask = np.zeros((1, 400, 300), np.uint8)
    mask[0, 100:220, 60:90] = mask[0, 100:220, 200:230] = 1
    return mask


@cache
def blob(kind: str, name: str) -> bytes:
    """What the route gives: an input as it is packed for the viewers, or a map or a mask over it."""
    given = INPUTS[name]()
    if kind == "mask":
        return pack({"labels": [{"name": "lungs", "title": "Lungs", "voxels": 7200, "share": 0.06}]}, {"mask": marks()})
    if kind == "input":
        return view_input(given)
    if isinstance(given, Image):
        y, x = np.mgrid[0:100, 0:75]
        values = np.exp(-((x - 20) ** 2 + (y - 75) ** 2) / 60) + 0.6 * np.exp(-((x - 55) ** 2 + (y - 20) ** 2) / 60)
    else:
        values = np.zeros(given.samples.shape)
        values[:, given.samples.shape[1] // 2 :][:, :200] = 1
    return pack({"label": "x", "method": "y", "gap": 0.0}, {"map": values.astype(np.float32)})


@cache
def figures(name: str) -> dict[str, Any] | None:
    """What the route of measurements gives: of "twelve" roughly right ones, of "paced" known ones, of others none."""
    if name not in ("twelve", "paced", "one"):
        return None
    given = INPUTS[name]()
    assert isinstance(given, Signal)
    rate, lead = round(given.rate_hz), min(1, len(given.leads) - 1)
    y = given.samples[lead]
    high = np.flatnonzero((y > 0.6 * y.max()) & (y == np.maximum.reduce([np.roll(y, k) for k in range(-90, 91)])))
    peaks = [int(p) for p in high if 0.3 * rate <= p < len(y) - 0.5 * rate]
    around = np.arange(-round(0.3 * rate), round(0.5 * rate))
    beats = given.samples[:, np.array(peaks)[:, None] + around].mean(1)
    qt = None if name == "paced" else 392.0
    return {
        "rate_bpm": 75.0,
        "pr_ms": None,
        "qrs_ms": 94.4,
        "qt_ms": qt,
        "qtc_bazett_ms": qt and 431.0,
        "qtc_fridericia_ms": qt and 418.0,
        "lead": given.leads[lead],
        "r_peaks": peaks,
        "segments": [{"kind": kind, "start": r + start, "end": r + end} for r in peaks for kind, start, end in WAVES],
        "beat": {name: [round(float(v), 4) for v in row] for name, row in zip(given.leads, beats, strict=True)},
        "beat_rate_hz": float(rate),
        "beat_r_index": round(0.3 * rate),
        "einthoven_mv": 0.004 if len(given.leads) == 12 else None,
        "remarks": ["The arm leads may be swapped."] if name == "paced" else [],
    }


async def measure(request: Request) -> Response:
    found = figures(request.path_params["name"])
    return JSONResponse(found, 200 if found else 404)


async def fetch(request: Request) -> Response:
    name = request.path_params["name"]
    if name == "missing":
        return Response(status_code=404)
    headers = {"content-encoding": "identity", "cache-control": "private, no-store"}
    return Response(blob(request.path_params["kind"], name), headers=headers)


class Secured:
    """The headers of the real server, so that what it forbids fails here too."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def reply(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *((k.encode(), v.encode()) for k, v in HEADERS.items())]
            await send(message)

        await self.app(scope, receive, reply)


def serve(page: Path, routes: list[Route]) -> None:
    """The page with its routes, at the port that the command line names."""
    static = Mount("/app/static", StaticFiles(directory=REPO / "app" / "static"))
    app = st.App(page, routes=[*routes, static], middleware=[Middleware(Secured)])
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error")


if __name__ == "__main__":
    routes = [Route("/bytes/{kind}/{name}", fetch), Route("/measure/{name}", measure)]
    serve(Path(__file__).with_name("page.py"), routes)

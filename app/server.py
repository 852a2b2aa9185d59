"""One ASGI process: the pages, the bytes that viewers fetch, the door and the health probe, all on one port.

Run it with `python -m app.server`; ADDRESS and PORT say where it listens.
"""

import asyncio
import json
import logging
import os
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import streamlit as st
import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from app.door import door
from app.guard import COOKIE, HOURS, LANGUAGE, Guard, signer
from app.parts.desk import clinic, warm
from app.parts.slider_words import told
from medcore import tasks
from medcore.errors import Refused
from medcore.i18n import LANGUAGES, _
from medcore.settings import REPO, settings

for name in ("MEDCORE_HOME", "MEDCORE_DATA", "MEDCORE_MODELS"):
    if os.environ.get(name):
        os.environ[name] = str(Path(os.environ[name]).expanduser().resolve())
os.chdir(REPO)  # where Streamlit looks for .streamlit/config.toml, with which it calls nobody
COOKIES = signer(settings().home)


def known(user_id: int) -> bool:
    """Whether there is a user of that id."""
    try:
        clinic().user(user_id)
    except Refused:
        return False
    return True


def _local(path: str) -> str:
    """`path` if it leads to a page of ours, else the first page."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


async def _door(request: Request, then: str, chosen: str = "", refused: str = "") -> Response:
    people = await run_in_threadpool(clinic().users)
    asks = any(person.password for person in people) or not settings().only_here
    here = next((person.name for person in people if person.id == request.state.user), "")
    page = door(people, then, chosen=chosen or here, password=asks, refused=refused, signed_in=bool(here))
    return HTMLResponse(page, 403 if refused else 200, {"cache-control": "no-store"})


async def login(request: Request) -> Response:
    """GET shows the door; POST signs in and sets the cookie."""
    if request.method != "POST":
        return await _door(request, _local(request.query_params.get("next", "/")))
    if int(request.headers.get("content-length") or 0) > 4096:
        return PlainTextResponse(_("Too long."), 413)
    form = {k: v[0] for k, v in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
    then, name = _local(form.get("next", "/")), form.get("name", "")
    try:
        user = await run_in_threadpool(clinic().sign_in, name, form.get("password", ""))
    except Refused as refused:
        await asyncio.sleep(1)  # a guessed password costs its guesser a second
        return await _door(request, then, name, str(refused))
    reply = RedirectResponse(then, 303)
    secure = request.url.scheme == "https"
    token = str(COOKIES.dumps(user.id))
    reply.set_cookie(COOKIE, token, max_age=HOURS * 3600, httponly=True, samesite="lax", secure=secure)
    return reply


async def logout(request: Request) -> Response:
    """Forgets the cookie."""
    reply = RedirectResponse("/login", 303)
    reply.delete_cookie(COOKIE)
    return reply


async def speak(request: Request) -> Response:
    """Keeps the chosen language in the browser and leads back to the page that asked."""
    came = urlsplit(request.headers.get("referer", ""))
    reply = RedirectResponse(_local(came.path + ("?" + came.query if came.query else "")), 303)
    if (name := request.path_params["name"]) in LANGUAGES:
        secure = request.url.scheme == "https"
        reply.set_cookie(LANGUAGE, name, max_age=365 * 24 * 3600, httponly=True, samesite="lax", secure=secure)
    return reply


async def picture(request: Request) -> Response:
    """The packed bytes of an input, what a file outlines on it, an attribution's map or an answer's mask, as the
    signed-in user may see them."""
    desk, what = clinic(), request.path_params["what"]
    sources = {"input": desk.input_bytes, "outlines": desk.outlines_bytes, "mask": desk.mask_bytes}
    fetch = sources.get(what, desk.map_bytes)
    warm()
    try:
        user = await run_in_threadpool(desk.user, request.state.user)
        blob = await run_in_threadpool(fetch, user, request.path_params["id"])
    except Refused as refused:
        return PlainTextResponse(str(refused), 404)
    # "identity" keeps Streamlit's gzip away: packing tens of megabytes takes longer than sending them.
    return Response(
        blob,
        media_type="application/octet-stream",
        headers={"content-encoding": "identity", "cache-control": "private, no-store"},
    )


async def measured(request: Request) -> Response:
    """What was measured of a recording, as JSON."""
    desk = clinic()
    try:
        user = await run_in_threadpool(desk.user, request.state.user)
        found = await run_in_threadpool(desk.measurement, user, request.path_params["id"])
    except Refused as refused:
        return PlainTextResponse(str(refused), 404)
    return JSONResponse(found.as_json(), headers={"cache-control": "private, no-store"})


async def asked_what_if(request: Request) -> Response:
    """What would be answered with the values of a record that were moved, as JSON."""
    if int(request.headers.get("content-length") or 0) > 16384:
        return PlainTextResponse(_("Too long."), 413)
    case, task, label = (request.path_params[name] for name in ("case", "task", "label"))
    desk = clinic()
    try:
        values = json.loads(await request.body())["values"]
        user = await run_in_threadpool(desk.user, request.state.user)
        outcome = tasks.get(task).outcome
        pair = await run_in_threadpool(desk.what_if, user, case, task, dict(values))
        found = told(pair, outcome, label)
    except Refused as refused:
        return PlainTextResponse(str(refused), 404)
    except (ValueError, KeyError, TypeError):
        return PlainTextResponse(_("Not what the sliders send."), 400)
    return JSONResponse(found, headers={"cache-control": "private, no-store"})


async def health(request: Request) -> Response:
    """200 when the database answers."""
    try:
        await run_in_threadpool(clinic().users)
    except Exception:  # whatever is wrong, the probe only says that something is
        return JSONResponse({"status": "unavailable"}, 503)
    return JSONResponse({"status": "ok"})


app = st.App(
    REPO / "app" / "main.py",
    routes=[
        Route("/login", login, methods=["GET", "POST"]),
        Route("/logout", logout, methods=["POST"]),
        Route("/language/{name:str}", speak),
        Route("/health", health),
        Route("/bytes/{what:str}/{id:int}", picture),
        Route("/measure/{id:int}", measured),
        Route("/what_if/{case:int}/{task:str}/{label:str}", asked_what_if, methods=["POST"]),
    ],
    middleware=[Middleware(Guard, cookies=COOKIES, known=known)],
)


def main() -> int:
    """Serve until SIGTERM or Ctrl-C."""
    where = settings()
    if not where.only_here and not where.admin_password:
        print(_("Set MEDCORE_ADMIN_PASSWORD to listen beyond this machine."), file=sys.stderr)
        return 2
    if "TMPDIR" not in os.environ and Path("/dev/shm").is_dir():
        # Uploads above 1 MB are spooled; they must not touch lasting storage before they are de-identified.
        os.environ["TMPDIR"] = tempfile.tempdir = "/dev/shm"
    logging.getLogger("uvicorn.access").disabled = True  # addresses hold what was searched for
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    clinic()
    uvicorn.run(app, host=where.address, port=where.port, log_config=None, server_header=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())

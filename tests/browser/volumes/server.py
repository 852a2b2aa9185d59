"""The volume viewer on a page of its own. `python server.py PORT`."""

import sys
from pathlib import Path

import streamlit as st
import uvicorn
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from medcore.settings import REPO
from tests.browser.gallery.server import Secured
from tests.browser.volumes.made import MADE, SERIES, blob


async def fetch(request: Request) -> Response:
    kind, name = request.path_params["kind"], request.path_params["name"]
    if name not in {*MADE, *SERIES}:
        return Response(status_code=404)
    return Response(blob(kind, name), headers={"content-encoding": "identity", "cache-control": "private, no-store"})


if __name__ == "__main__":
    app = st.App(
        Path(__file__).with_name("page.py"),
        routes=[
            Route("/bytes/{kind}/{name}", fetch),
            Mount("/app/static", StaticFiles(directory=REPO / "app" / "static")),
        ],
        middleware=[Middleware(Secured)],
    )
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error")

"""The volume viewer on a page of its own. `python server.py PORT`."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.browser.gallery.server import serve
from tests.browser.volumes.made import MADE, SERIES, blob


async def fetch(request: Request) -> Response:
    kind, name = request.path_params["kind"], request.path_params["name"]
    if name not in {*MADE, *SERIES}:
        return Response(status_code=404)
    return Response(blob(kind, name), headers={"content-encoding": "identity", "cache-control": "private, no-store"})


if __name__ == "__main__":
    serve(Path(__file__).with_name("page.py"), [Route("/bytes/{kind}/{name}", fetch)])

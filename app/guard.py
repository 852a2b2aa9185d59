"""The guard before everything this process answers: who may pass, and what each reply must carry."""

import hmac
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medcore.i18n import _, language, preferred

COOKIE = "medcore"
LANGUAGE = "language"  # the cookie that keeps the language chosen
HOURS = 12
# Streamlit 1.67 has one inline script; this is its hash. Component scripts are loaded as blobs.
CSP = (
    "default-src 'self'; script-src 'self' blob: 'sha256-THxz9J9+wf7rhwR2YkXJoSZ13UCmYyC+3lNDv2+8ugA='; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self' data:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # "no-referrer" would make browsers send "Origin: null" with our own forms.
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cross-origin-opener-policy": "same-origin",
}
# Streamlit's own bundle, our fonts, the choice of language and the two probes hold nothing of anybody.
OPEN = ("/static/", "/app/static/", "/language/")
OPEN_EXACT = {"/login", "/logout", "/health", "/_stcore/health", "/_stcore/host-config", "/favicon.ico", "/favicon.png"}


def signer(home: Path) -> URLSafeTimedSerializer:
    """Signs cookies with a secret that only this user of the machine can read, made on first use."""
    path = home / "cookie.key"
    home.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        pass
    else:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
    return URLSafeTimedSerializer(path.read_text(), salt="desk")


def same_origin(headers: Headers) -> bool:
    """Whether a request that changes something comes from our own page."""
    origin = urlsplit(headers.get("origin", "")).netloc
    return bool(origin) and hmac.compare_digest(origin, headers.get("host", ""))


class Guard:
    """ASGI middleware. `known(id)` says whether a user of that id may still come in."""

    def __init__(self, app: ASGIApp, cookies: URLSafeTimedSerializer, known: Callable[[int], bool]) -> None:
        self.app = app
        self.cookies = cookies
        self.known = known

    async def who(self, scope: Scope) -> int | None:
        """The id in a valid cookie of somebody who is still known, else None."""
        try:
            user = int(self.cookies.loads(HTTPConnection(scope).cookies.get(COOKIE, ""), max_age=HOURS * 3600))
        except (BadSignature, ValueError, TypeError):
            return None
        return user if await run_in_threadpool(self.known, user) else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), scope["path"]
        accepted = headers.get("accept-language", "").split(",")
        language.set(preferred(HTTPConnection(scope).cookies.get(LANGUAGE), *(wish.split(";")[0] for wish in accepted)))
        kept = [(k, v) for k, v in scope["headers"] if not k.lower().startswith(b"x-app-")]
        user = None if path.startswith(OPEN) else await self.who(scope)
        if user is not None:
            kept.append((b"x-app-user", str(user).encode()))
        scope = {**scope, "headers": kept, "state": {**scope.get("state", {}), "user": user}}

        if scope["type"] == "websocket":
            if user is None:
                await send({"type": "websocket.close", "code": 4403})
            else:
                await self.app(scope, receive, send)
            return

        async def reply(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    out[name] = value
            await send(message)

        answer = self.refuse(scope, headers, path, user) or self.app
        await answer(scope, receive, reply)

    def refuse(self, scope: Scope, headers: Headers, path: str, user: int | None) -> Response | None:
        """What to say to a request that may not pass; None to let it through."""
        if scope["method"] not in ("GET", "HEAD", "OPTIONS") and not same_origin(headers):
            return PlainTextResponse(_("This request does not come from the desk's own page."), 403)
        if user is not None or path.startswith(OPEN) or path in OPEN_EXACT:
            return None
        if "text/html" in headers.get("accept", "") and scope["method"] == "GET":
            query = scope["query_string"].decode("latin-1")
            return RedirectResponse(f"/login?next={quote(path + ('?' + query if query else ''))}", 303)
        return PlainTextResponse(_("Sign in first."), 401)

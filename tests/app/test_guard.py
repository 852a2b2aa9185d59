"""The guard: nobody passes without a cookie that we signed, and no reply leaves without its headers."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from app.guard import COOKIE, Guard, signer

OWN = (b"origin", b"http://desk:8501")


async def inside(scope: Any, receive: Any, send: Any) -> None:
    """What lies behind: tells which user the guard named."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    named = [v for k, v in scope["headers"] if k == b"x-app-user"]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b",".join(named)})


class Visitor:
    """Sends requests through a guard that knows user 1 only."""

    def __init__(self, home: Path) -> None:
        self.cookies = signer(home)
        self.guard = Guard(inside, self.cookies, lambda user: user == 1)

    def cookie(self, user: object) -> tuple[bytes, bytes]:
        return b"cookie", f"{COOKIE}={self.cookies.dumps(user)}".encode()

    def ask(
        self, path: str, *headers: tuple[bytes, bytes], method: str = "GET", kind: str = "http", query: bytes = b""
    ) -> tuple[list[dict[str, Any]], dict[str, str]]:
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            return {"type": "http.request"}

        scope = {
            "type": kind,
            "method": method,
            "path": path,
            "query_string": query,
            "headers": [(b"host", b"desk:8501"), *headers],
        }
        with ThreadPoolExecutor(1) as pool:  # this thread may have a loop of its own
            pool.submit(lambda: asyncio.run(self.guard(scope, receive, send))).result()
        return sent, {k.decode(): v.decode() for k, v in sent[0].get("headers", [])}


@pytest.fixture
def visitor(tmp_path: Path) -> Visitor:
    return Visitor(tmp_path)


def test_a_page_without_a_cookie_leads_to_the_door_and_back(visitor: Visitor) -> None:
    sent, headers = visitor.ask("/case", (b"accept", b"text/html"), query=b"case=7")
    assert sent[0]["status"] == 303
    assert headers["location"] == "/login?next=/case%3Fcase%3D7"


@pytest.mark.parametrize("path", ["/bytes/input/1", "/media/x", "/_stcore/upload_file/a/b", "/component/x"])
def test_nothing_of_a_patient_is_given_without_a_cookie(visitor: Visitor, path: str) -> None:
    assert visitor.ask(path)[0][0]["status"] == 401


def test_a_websocket_without_a_cookie_is_closed(visitor: Visitor) -> None:
    assert visitor.ask("/_stcore/stream", kind="websocket")[0][0]["type"] == "websocket.close"
    signed = visitor.cookie(1)
    assert visitor.ask("/_stcore/stream", signed, kind="websocket")[0][0]["type"] == "websocket.accept"


def test_a_forged_or_foreign_cookie_is_none(visitor: Visitor, tmp_path: Path) -> None:
    name, value = visitor.cookie(1)
    assert (
        visitor.ask("/bytes/input/1", (name, value[:-9] + bytes([value[-9] ^ 1]) + value[-8:]))[0][0]["status"] == 401
    )
    foreign = Visitor(tmp_path / "elsewhere").cookie(1)
    assert visitor.ask("/bytes/input/1", foreign)[0][0]["status"] == 401
    assert visitor.ask("/bytes/input/1", visitor.cookie(2))[0][0]["status"] == 401
    assert visitor.ask("/bytes/input/1", visitor.cookie("no number"))[0][0]["status"] == 401


def test_an_old_cookie_is_none(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    signed = visitor.cookie(1)
    monkeypatch.setattr("app.guard.HOURS", -1)
    assert visitor.ask("/bytes/input/1", signed)[0][0]["status"] == 401


def test_only_the_guard_names_the_user(visitor: Visitor) -> None:
    sent, _headers = visitor.ask("/x", visitor.cookie(1), (b"X-App-User", b"3"), (b"x-app-role", b"admin"))
    assert sent[1]["body"] == b"1"
    sent, _headers = visitor.ask("/health", (b"x-app-user", b"3"))
    assert sent[1]["body"] == b""


def test_changes_are_taken_only_from_our_own_page(visitor: Visitor) -> None:
    signed = visitor.cookie(1)
    for headers in ((), ((b"origin", b"http://evil:8501"),), ((b"origin", b"null"),)):
        assert visitor.ask("/logout", signed, *headers, method="POST")[0][0]["status"] == 403
    assert visitor.ask("/logout", signed, OWN, method="POST")[0][0]["status"] == 200


@pytest.mark.parametrize("path", ["/health", "/bytes/input/1", "/static/x.js"])
def test_every_reply_carries_the_security_headers(visitor: Visitor, path: str) -> None:
    _sent, headers = visitor.ask(path)
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe-eval" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_the_secret_is_kept_and_only_we_can_read_it(tmp_path: Path) -> None:
    token = signer(tmp_path).dumps(1)
    assert signer(tmp_path).loads(token) == 1
    assert (tmp_path / "cookie.key").stat().st_mode & 0o077 == 0

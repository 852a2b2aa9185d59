"""The door of the real dashboard, as a person meets it."""

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.conftest import sign_in

pytestmark = pytest.mark.browser


def test_nobody_sees_a_page_before_saying_who_they_are(page: Page, server: str) -> None:
    page.goto(f"{server}/case?case=1")
    assert page.url.startswith(f"{server}/login?next=/case")
    page.get_by_role("radio", name="trainer").check()
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_text("There is no such case.").wait_for()
    assert page.url == f"{server}/case?case=1"
    page.get_by_role("link", name="trainer").wait_for()


def test_signing_out_forgets(page: Page, context: BrowserContext, server: str) -> None:
    sign_in(page, server)
    cookie = next(c for c in context.cookies() if c["name"] == "medcore")
    assert cookie["httpOnly"]
    page.goto(f"{server}/login")
    assert page.get_by_role("radio", name="reader").is_checked()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.goto(server)
    assert page.url.startswith(f"{server}/login")


def test_the_dashboard_asks_nobody_outside(page: Page, server: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sign_in(page, server)
    page.wait_for_timeout(2000)
    assert [url for url in asked if not url.startswith((server, "data:", "blob:"))] == []


def test_health_needs_no_cookie_and_bytes_do(context: BrowserContext, server: str) -> None:
    assert context.request.get(f"{server}/health").json() == {"status": "ok"}
    assert context.request.get(f"{server}/bytes/input/1").status == 401

"""Headless Chromium against Django's live server.

`open_page` makes pages of a given width, theme and so on; `sign_in` puts an account on one. Each page collects what
went wrong in it (console errors, exceptions, breaches of the content security policy) in `page.faults`.
"""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.conftest import PASSWORD

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = (1366, 768)
PHONE = (390, 844)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A browser for the whole run; its tests are skipped where none is installed."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip(f"no browser here: none of {', '.join(CHROMIUM)} is installed (apt-get install chromium)")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright runs an event loop in this thread
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, live_server: object, roles: None) -> Iterator[Callable[..., Page]]:
    """Return a function that opens a page of the live server: open_page(size=PHONE, touch=True, theme="dark")."""
    contexts: list[BrowserContext] = []

    def open_one(
        size: tuple[int, int] = DESKTOP, theme: str = "light", javascript: bool = True, touch: bool = False
    ) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": size[0], "height": size[1]},
            color_scheme=theme,
            java_script_enabled=javascript,
            has_touch=touch,
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.faults = []
        page.on("console", lambda message: message.type == "error" and page.faults.append(message.text))
        page.on("pageerror", lambda error: page.faults.append(str(error)))
        return page

    with _followed() as is_idle:
        yield open_one
        for context in contexts:
            context.close()  # a page that closes may still send its draft
        time.sleep(0.02)
        deadline = time.monotonic() + 5
        while not is_idle() and time.monotonic() < deadline:
            time.sleep(0.01)


@contextmanager
def _followed() -> Iterator[Callable[[], bool]]:
    """Follow the requests of the server's threads: the tables are emptied after a test, and on PostgreSQL a request
    that is still at work then is a deadlock."""
    started: list[object] = []
    finished: list[object] = []

    def start(**about: object) -> None:
        started.append(about)

    def finish(**about: object) -> None:
        finished.append(about)

    request_started.connect(start)
    request_finished.connect(finish)
    yield lambda: len(started) <= len(finished)
    request_started.disconnect(start)
    request_finished.disconnect(finish)


@pytest.fixture
def sign_in() -> Callable[[Page, str], None]:
    """Return a function that signs an account of the cast in, through the form, and lands on its home page."""

    def sign(page: Page, username: str) -> None:
        page.goto("/login/")
        page.get_by_label("Username").fill(username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")

    return sign


@pytest.fixture
def signed_in(live_server: object, client: Client) -> Callable[[Page, User], None]:
    """Return a function that gives a page an account's session, without the form."""

    def sign(page: Page, user: User) -> None:
        client.force_login(user)
        session = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}
        page.context.add_cookies([session])

    return sign

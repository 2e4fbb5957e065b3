"""A foreign, certified identity provider (oidc-provider, of npm) beside the console."""

import html
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from hypervisor.access import secrets
from hypervisor.access.identity import CSRF_HEADER
from hypervisor.accounts import service_provider
from hypervisor.base.settings import Settings
from hypervisor.database.connect import connect
from tests.integration.web.served import cookie, server, session
from tests.ports import reserve_port

HERE = Path(__file__).parent
MODULES = HERE.parents[2] / "node_modules" / "oidc-provider"
SECRETS = {"console": "a secret: of the console", "proconnect": "another"}


@dataclass(frozen=True, kw_only=True)
class Door:
    """A console at `base` and its provider at `issuer`; `url`: of the console's database."""

    base: str
    issuer: str
    url: str
    settings: Settings

    def tell(self, **state: Any) -> None:
        """Tell the provider whom it knows (`users`), and what to do wrong."""
        httpx.post(f"{self.issuer}/test", json=state, timeout=30).raise_for_status()

    def apply(self, rules: str) -> None:
        """Let these sign-in rules hold."""
        with connect(self.url) as connection:
            service_provider.apply_rules(
                connection, rules, file="rules", author="root", reason="a test"
            )

    def visit(self) -> httpx.Client:
        """A browser that follows no redirect by itself."""
        english = {"Accept-Language": "en"}
        return httpx.Client(base_url=self.base, headers=english, timeout=60)

    def administer(self, *roles: tuple[str, str | None]) -> httpx.Client:
        """Somebody who is signed in with a local account and these roles."""
        name = f"local-{len(roles)}-{roles[0][1]}"
        secret = session(self.url, name, roles, now=datetime.now(UTC))
        client = self.visit()
        client.cookies.set(cookie(self.url), secret)
        client.headers[CSRF_HEADER] = secrets.derive_csrf_token(secret)
        return client


@contextmanager
def providing(url: str, *, client: str = "console") -> Iterator[Door]:
    """A console on this database, and the provider that it is connected to."""
    node = shutil.which("node")
    if node is None or not MODULES.is_dir():
        pytest.skip("not installed: node and oidc-provider; `make setup` fetches them")
    port = reserve_port()
    issuer = f"http://127.0.0.1:{port}"
    settings = Settings(
        database_url=url,
        oidc_issuer=issuer,
        oidc_client_id=client,
        oidc_client_secret=SECRETS[client],
    )
    with server(url, clock=lambda: datetime.now(UTC), settings=settings) as base:
        words = [node, "--no-warnings", str(HERE / "provider.mjs"), str(port), base]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                yield Door(base=base, issuer=issuer, url=url, settings=settings)
            finally:
                process.kill()


def begin(browser: httpx.Client, target: str = "/sites") -> str:
    """Press the button; where it leads."""
    begun = browser.get("/login/provider", params={"next": target})
    assert begun.status_code == 303, begun.text
    return begun.headers["location"]


def enter(browser: httpx.Client, who: str, target: str = "/sites") -> httpx.Response:
    """Sign in at the provider; the console's answer to what the browser brings back."""
    return browser.get(fetch_callback(browser, who, target))


def fetch_callback(browser: httpx.Client, who: str, target: str = "/sites") -> str:
    """Sign in at the provider, up to the address with which the browser would come back."""
    return follow_to_callback(browser, begin(browser, target), who)


def follow_to_callback(browser: httpx.Client, address: str, who: str) -> str:
    """Sign in where the console has led, up to the address with which the browser comes back."""
    while httpx.URL(address).path != "/login/provider/callback":
        answer = browser.get(address)
        if answer.status_code == 200:  # the provider's form
            answer = browser.post(answer.url.join(find_form(answer.text)), data={"login": who})
        assert answer.status_code in {302, 303}, answer.text
        address = str(answer.url.join(answer.headers["location"]))
    return address


def find_form(text: str) -> str:
    """Where the first form of a page leads."""
    action = re.search(r'action="([^"]+)"', text)
    assert action is not None, text
    return html.unescape(action[1])


def sign_out_there(browser: httpx.Client, address: str) -> httpx.Response:
    """Confirm at the provider that all of it ends."""
    asked = browser.get(address)
    assert asked.status_code == 200, asked.text
    xsrf = re.search(r'name="xsrf" value="([^"]+)"', asked.text)
    assert xsrf is not None, asked.text
    where = asked.url.join(find_form(asked.text))
    return browser.post(where, data={"xsrf": xsrf[1], "logout": "yes"})


def elsewhere(door: Door, issuer: str) -> Settings:
    """The settings of a console that is connected to another provider."""
    return door.settings.model_copy(update={"oidc_issuer": issuer})

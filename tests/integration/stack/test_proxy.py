"""As docs/deployment.md says: the console behind nginx, devices let in by TLS."""

import os
import signal
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest

from hypervisor.access import passwords
from hypervisor.access.identity import CSRF_HEADER
from hypervisor.accounts import service as account_service
from hypervisor.accounts.service import Administrator, NewAccount
from hypervisor.base.duties import Role
from hypervisor.base.settings import load_settings
from hypervisor.broker.child import wait_until
from hypervisor.broker.ports import LOOPBACK
from hypervisor.broker.probe import REFUSED, SILENT, connack, get_login
from hypervisor.broker.server_account import server_account
from hypervisor.database.connect import connect
from tests import documents
from tests.integration.stack import certificates, nginx
from tests.integration.stack.certificates import ELSEWHERE
from tests.integration.stack.ups import Up
from tests.ports import reserve_port

pytestmark = [
    pytest.mark.integration,
    pytest.mark.long,
    pytest.mark.timeout(300),
    pytest.mark.skipif(nginx.PROGRAM is None, reason="not installed: nginx"),
]

PAGE = documents.ROOT / "docs" / "deployment.md"
PERSON, ANOTHER = "127.0.0.3", "127.0.0.4"  # addresses of this machine that stand for people's
FORGED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
PASSWORD = passwords.generate()
PATIENCE = 90.0  # s


@dataclass(frozen=True, kw_only=True)
class Town:
    """An instance that is reached from elsewhere, as the page says."""

    up: Up
    papers: Path
    https: int
    http: int
    tls_port: int

    @property
    def address(self) -> str:
        return f"https://{nginx.NAME}:{self.https}"

    def browser(self, source: str = PERSON, **headers: str) -> httpx.Client:
        """Somebody's browser, which sends no Sec-Fetch-Site as old ones do."""
        way = httpx.HTTPTransport(
            verify=ssl.create_default_context(cafile=self.papers / "ca.crt"), local_address=source
        )
        return httpx.Client(
            base_url=f"https://{LOOPBACK}:{self.https}",
            transport=way,
            headers={"Host": f"{nginx.NAME}:{self.https}", "Origin": self.address, **headers},
            timeout=PATIENCE,
        )

    def audited(self, kind: str) -> list[Any]:
        with connect(load_settings(self.up.root).database_url) as connection:
            return connection.execute(
                "SELECT details ->> 'address' FROM audit WHERE kind = %s ORDER BY id", [kind]
            ).fetchall()


def example(language: str) -> str:
    """The page's example that this file runs."""
    mine = str(Path(__file__).relative_to(documents.ROOT))
    (shown,) = (
        each for each in documents.examples(PAGE) if each.test == mine and each.language == language
    )
    return shown.text


@pytest.fixture(scope="module")
def town(shared_folder: Path) -> Iterator[Town]:
    root = shared_folder / "town"
    papers = certificates.issued(shared_folder / "town-papers")
    tls_port = reserve_port()
    lines = example("ini").replace("/etc/ssl/hypervisor/chain.pem", f"{papers}/broker.crt")
    lines = lines.replace("/etc/ssl/hypervisor/key.pem", f"{papers}/broker.key")
    root.mkdir()
    (root / "hypervisor.env").write_text(
        f"{lines}HYPERVISOR_BROKER_TLS_HOST={ELSEWHERE}\nHYPERVISOR_BROKER_TLS_PORT={tls_port}\n"
    )
    for path in (root, root / "hypervisor.env"):
        server_account().own(path)
    up = Up(root, "--timezone", "Indian/Reunion")
    try:
        up.await_said("servers run as")
        served = wait_until(lambda: get_login(LOOPBACK, up.web_port) is not None, seconds=100)
        assert served, up.output.read_text()
        with connect(load_settings(root).database_url) as connection:
            roles = ((Role.ADMINISTRATOR, None),)
            account = NewAccount(name="anne", password=PASSWORD, roles=roles)
            account_service.create_account(connection, account, Administrator(name="root"))
        site = nginx.proxy(example("nginx"), shared_folder / "nginx", papers, up.web_port)
        with site as (https, http):
            yield Town(up=up, papers=papers, https=https, http=http, tls_port=tls_port)
    finally:
        up.stop()


def sign_in(browser: httpx.Client, password: str = PASSWORD) -> httpx.Response:
    return browser.post("/api/v1/auth/login", json={"name": "anne", "password": password})


@contextmanager
def signed_in(town: Town) -> Iterator[httpx.Client]:
    with town.browser() as browser:
        assert sign_in(browser).status_code == HTTPStatus.NO_CONTENT
        browser.headers[CSRF_HEADER] = browser.get("/api/v1/auth/me").json()["csrf"]
        yield browser


def test_a_session_is_kept_in_a_secure_cookie(town: Town) -> None:
    with town.browser() as browser:
        (cookie,) = sign_in(browser).headers.get_list("set-cookie")
        assert cookie.startswith("__Host-hypervisor-")
        assert "; Secure" in cookie
        assert "Strict-Transport-Security" in browser.get("/login").headers


def test_the_audit_has_the_person_s_address_whatever_they_claim(town: Town) -> None:
    with town.browser(**FORGED) as browser:
        assert sign_in(browser).status_code == HTTPStatus.NO_CONTENT
    assert town.audited("sign-in")[-1] == (PERSON,)


def test_past_the_proxy_nobody_s_word_counts(town: Town) -> None:
    way = httpx.HTTPTransport(local_address=PERSON)
    base = f"http://{LOOPBACK}:{town.up.web_port}"
    with httpx.Client(base_url=base, transport=way, headers=FORGED, timeout=PATIENCE) as browser:
        (cookie,) = sign_in(browser).headers.get_list("set-cookie")
    assert "Secure" not in cookie
    assert town.audited("sign-in")[-1] == (PERSON,)


def test_guessing_slows_its_own_address_only(town: Town) -> None:
    with town.browser(ANOTHER) as guesser:
        tries = (sign_in(guesser, "wrong").status_code for _ in range(15))  # the wait doubles
        assert HTTPStatus.TOO_MANY_REQUESTS in tries
    with town.browser() as browser:
        assert sign_in(browser).status_code == HTTPStatus.NO_CONTENT


def test_a_form_of_ours_is_taken_and_another_site_s_is_not(town: Town) -> None:
    with signed_in(town) as browser:
        entry = {"kind": "note", "text": "seen through the proxy"}
        ours = browser.post("/api/v1/log", json=entry)
        foreign = browser.post(
            "/api/v1/log", json=entry, headers={"Origin": "https://evil.example"}
        )
    assert ours.status_code == HTTPStatus.CREATED, ours.text
    assert foreign.status_code == HTTPStatus.FORBIDDEN


def test_an_event_comes_through_at_once(town: Town) -> None:
    """The stream ends long after: a proxy that collects it would show nothing until then."""
    with signed_in(town) as browser, browser.stream("GET", "/api/v1/events") as stream:
        lines = stream.iter_lines()
        assert any(line.startswith("id: ") for line in lines)  # it listens from here on
        entry = {"kind": "note", "text": "heard through the proxy"}
        with signed_in(town) as colleague:
            assert colleague.post("/api/v1/log", json=entry).status_code == HTTPStatus.CREATED
        assert "event: log" in lines


def test_metrics_are_not_open_to_those_behind_the_proxy(town: Town) -> None:
    with town.browser() as browser:
        assert browser.get("/metrics").status_code == HTTPStatus.UNAUTHORIZED
    assert httpx.get(f"http://{LOOPBACK}:{town.up.web_port}/metrics", timeout=PATIENCE).is_success


def test_a_large_body_comes_to_us(town: Town) -> None:
    """nginx would refuse it from 1 MB on."""
    with town.browser() as browser:
        answer = browser.post("/api/v1/auth/login", json={"name": "a" * 3_000_000, "password": ""})
    assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY, answer.text


def test_http_leads_to_https_and_a_browser_speaks_http_2(town: Town) -> None:
    plain = httpx.get(
        f"http://{LOOPBACK}:{town.http}/now", headers={"Host": nginx.NAME}, timeout=PATIENCE
    )
    assert plain.headers["location"] == f"https://{nginx.NAME}/now"
    words = ("--cacert", town.papers / "ca.crt", "--write-out", "%{http_version}", "--output")
    where = f"https://{LOOPBACK}:{town.https}/login"
    done = subprocess.run(
        ["curl", "--silent", *words, "/dev/null", where], capture_output=True, check=True
    )
    assert done.stdout == b"2"


def test_a_device_is_let_in_by_tls_and_not_in_plain(town: Town) -> None:
    trust = ssl.create_default_context(cafile=town.papers / "ca.crt")
    assert connack(ELSEWHERE, town.tls_port, "gauge", "secret", trust=trust) in REFUSED
    plain = load_settings(town.up.root).broker_port
    assert connack(ELSEWHERE, plain, "gauge", "secret") == SILENT
    assert town.up.said(f"{ELSEWHERE}:{town.tls_port} by TLS")


def test_a_renewed_certificate_is_taken_up_as_the_page_says(town: Town) -> None:
    where = (ELSEWHERE, town.tls_port)
    before = ssl.get_server_certificate(where)
    certificates.sign(town.papers)
    os.kill(int((town.up.root / "broker" / "mosquitto.pid").read_text()), signal.SIGHUP)
    assert wait_until(lambda: ssl.get_server_certificate(where) != before, seconds=30)


def test_the_instance_has_the_time_zone_it_was_given(town: Town) -> None:
    with signed_in(town) as browser:
        assert browser.get("/api/v1/instance").json()["timezone"] == "Indian/Reunion"

"""A device's account at the real broker, given, changed and taken away on the console's page."""

import re

import httpx
import pytest

from hypervisor.base.settings import Settings
from hypervisor.broker.probe import ACCEPTED, REFUSED, connack
from hypervisor.database.connect import connect
from tests.integration.stack.test_accounts import connected
from tests.integration.web.served import server, signed_in

pytestmark = pytest.mark.integration

SHOWN = re.compile(r'class="secret-word"[^>]*>([^<]+)<')


def _does(page: httpx.Client, what: str) -> httpx.Response:
    answer = page.post("/admin/devices/poyo/account", data={"does": what})
    assert answer.status_code == 303, answer.text
    return page.get(answer.headers["location"])


def _password(answer: httpx.Response) -> str:
    shown = SHOWN.search(answer.text)
    assert shown is not None, answer.text
    return shown.group(1)


def test_what_was_taken_away_lets_nobody_in(instance_settings: Settings) -> None:
    settings = instance_settings
    with connect(settings.database_url) as connection:
        connection.execute("INSERT INTO site (name, title, domain) VALUES ('s', 'S', 'flood')")
        connection.execute(
            "INSERT INTO device (name, site, commissioned) VALUES ('poyo', 1, '2020-01-01Z')"
        )

    def enters(password: str) -> int:
        return connack(settings.broker_host, settings.broker_port, "poyo", password)

    with (
        server(settings.database_url, settings=settings) as base,
        signed_in(base, settings.database_url) as page,
    ):
        first = _password(_does(page, "add"))
        assert enters(first) == ACCEPTED
        second = _password(_does(page, "rotate"))
        assert (enters(first) in REFUSED, enters(second)) == (True, ACCEPTED)
        with connected(settings, "poyo", second) as device:
            assert _does(page, "remove").status_code == 200
            assert device.gone.wait(5), "a connection that stands is closed"
        assert enters(second) in REFUSED

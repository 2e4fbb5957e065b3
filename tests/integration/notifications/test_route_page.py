"""The form of a route, as an administrator uses it: a new one, another, what is refused, none."""

import re
from collections.abc import Iterator

import httpx
import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect
from hypervisor.notifications import queries_routes
from tests.integration.web.served import serving

pytestmark = pytest.mark.integration

PAGE = "/admin/notifications/route"
DUTY = {"name": "duty", "channels.0.kind": "webhook", "channels.0.target": "https://a.example/x"}


@pytest.fixture
def anne(database_url: str) -> Iterator[httpx.Client]:
    with connect(database_url) as connection:
        instance_store.create(connection, Instance(mode=Mode.LIVE, name="test"))
    with serving(database_url) as client:
        client.cookies.set("lang", "en")
        yield client


def fields(client: httpx.Client, key: str = "") -> dict[str, str]:
    """What stands in the inputs of the form."""
    page = client.get(f"{PAGE}?key={key}").text
    return dict(re.findall(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"', page))


def leads_to(answer: httpx.Response, address: str) -> bool:
    return answer.status_code == 303 and answer.headers["location"] == address


def is_refused(answer: httpx.Response, why: str) -> bool:
    return answer.status_code == 422 and why in answer.text


def test_a_route_is_entered_changed_and_removed(anne: httpx.Client, database_url: str) -> None:
    saved = "/admin/notifications?done=saved"
    blank = anne.get(PAGE)
    assert blank.status_code == 200
    assert re.search(r'value="fr"[^>]* selected', blank.text)
    assert anne.get(f"{PAGE}?key=duty").status_code == 404
    more = anne.post(f"{PAGE}?back=now", data={**DUTY, "more": "rows"})
    assert more.status_code == 200
    for page, rows in ((blank, 2), (more, 1 + 4)):
        assert len(set(re.findall(r'name="channels\.(\d)\.', page.text))) == rows
    assert is_refused(anne.post(PAGE, data={**DUTY, "remind": "often"}), "often")
    assert leads_to(anne.post(PAGE, data=DUTY), saved)
    first = fields(anne, "duty")
    assert (first["name"], first["channels.0.target"]) == ("duty", "https://a.example/…")

    assert is_refused(anne.post(PAGE, data=DUTY), "somebody changed the routes meanwhile")
    again = anne.post(PAGE, data={**DUTY, "seen": first["seen"]})
    assert is_refused(again, "there is a route")
    chief = {**DUTY, "name": "chief", "seen": first["seen"], "reason": "the plan"}
    assert leads_to(anne.post(f"{PAGE}?back=now", data=chief), "/now")
    seen = fields(anne, "chief")["seen"]
    renamed = {**DUTY, "name": "head", "channels.0.target": "https://a.example/…", "seen": seen}
    assert leads_to(anne.post(f"{PAGE}?key=chief", data=renamed), saved)
    with connect(database_url) as connection:
        revision = queries_routes.ROUTES.find_revision(connection)
    assert revision is not None
    assert "chief" not in revision.text
    assert revision.text.count("https://a.example/x") == 2  # the mask is no address

    remove = f"{PAGE}/remove?key=head"
    stale = anne.post(remove, data={"seen": seen})
    assert is_refused(stale, "somebody changed the routes meanwhile")
    assert 'value="head"' in stale.text
    seen = fields(anne, "head")["seen"]
    assert leads_to(anne.post(remove, data={"seen": seen, "reason": "moved"}), saved)
    assert anne.get(f"{PAGE}?key=head").status_code == 404

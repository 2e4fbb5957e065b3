"""The inventory in the console: its forms, its files with a preview, whose territory it is."""

import re
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from hypervisor.base.instance import Instance, Mode
from hypervisor.database import audit
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import connect
from hypervisor.registry import queries
from hypervisor.registry.model import Registry
from tests.integration.web.conftest import AREAS, NORTH, ORGE, YVETTE
from tests.integration.web.served import EVERYTHING, server, signed_in

pytestmark = pytest.mark.integration

SEEN = re.compile(r'name="seen" value="([^"]*)"')
FORMS = "/admin/inventory/form"
TRIANGLE = "{type: Polygon, coordinates: [[[2.1, 48.6], [2.2, 48.6], [2.2, 48.7], [2.1, 48.6]]]}"
TOWN = f"""
sites:
  - {{name: orge, title: Orge, domain: flood, commune: "{ORGE}", thresholds: {{attention: 1 m}},
     devices: [{{name: orge-1, model: radar-gauge, commissioned: 2020-01-01}}]}}
  - {{name: yvette, title: Yvette, domain: flood, commune: "{YVETTE}"}}
"""


@pytest.fixture
def url(database_url: str) -> str:
    with connect(database_url) as connection:
        instance_store.create(connection, Instance(mode=Mode.LIVE, name="Essonne"))
        for row in AREAS:
            connection.execute(
                "INSERT INTO area (code, kind, name, parent) VALUES (%s, %s, %s, %s)", row
            )
    return database_url


@pytest.fixture
def base(url: str) -> Iterator[str]:
    with server(url) as made:
        yield made


@pytest.fixture
def anne(base: str, url: str) -> Iterator[httpx.Client]:
    """She administers everything, in English."""
    with signed_in(base, url) as client:
        client.cookies.set("lang", "en")
        yield client


@pytest.fixture
def nora(base: str, url: str) -> Iterator[httpx.Client]:
    """She administers the north."""
    with signed_in(base, url, "nora", (("administrator", NORTH),)) as client:
        client.cookies.set("lang", "en")
        yield client


def registry(url: str) -> Registry:
    with connect(url) as connection:
        return queries.load(connection)


def acts(url: str) -> list[audit.Act]:
    with connect(url) as connection:
        return audit.list_acts(connection, kind="inventory")


def send(client: httpx.Client, *files: tuple[str, str], **data: str) -> httpx.Response:
    """Send files for a preview."""
    parts = [("files", (name, text.encode())) for name, text in files]
    return client.post("/admin/inventory/preview", files=parts, data=data)


def confirm(client: httpx.Client, preview: httpx.Response, **data: str) -> httpx.Response:
    """Apply what a preview shows, with the fields that its page holds."""
    text = preview.text
    hidden = re.findall(r'name="(names|texts|seen)" value="([^"]*)"', text)
    fields: dict[str, list[str]] = {}
    for name, value in hidden:
        fields.setdefault(name, []).append(unescape(value))
    return client.post("/admin/inventory/apply", data={**fields, **data})


def apply(client: httpx.Client, text: str = TOWN, name: str = "town.yaml") -> None:
    answer = confirm(client, send(client, (name, text)), reason="a start")
    assert answer.headers["location"] == "/admin/inventory?done=applied", answer.text


def edit(client: httpx.Client, kind: str, key: str, **changed: str) -> httpx.Response:
    """What a browser sends that changed some fields of a form that it was shown."""
    page = client.get(f"{FORMS}/{kind}", params={"key": key})
    assert page.status_code == 200, page.text
    return client.post(f"{FORMS}/{kind}", params={"key": key}, data={**shown(page), **changed})


def shown(page: httpx.Response) -> dict[str, str]:
    """The fields of a page's form."""
    text = page.text
    fields = dict(re.findall(r'<input id="f-[^"]*" name="([^"]*)" value="([^"]*)"', text))
    for name, options in re.findall(r'<select id="f-[^"]*" name="([^"]*)">(.*?)</select>', text):
        chosen = re.search(r'value="([^"]*)" selected', options)
        fields[name] = chosen[1] if chosen else ""
    seen = SEEN.search(text)
    assert seen is not None
    return {name: unescape(value) for name, value in fields.items()} | {"seen": seen[1]}


def test_a_site_and_its_device_are_entered_in_forms(anne: httpx.Client, url: str) -> None:
    new = {"name": "mill", "title": "The mill", "domain": "flood", "commune": ORGE, "lon": "2.25"}
    refused = anne.post(f"{FORMS}/site", data=new)
    assert refused.status_code == 422
    assert "a point needs both lon and lat" in refused.text
    assert 'id="f-lat-problem"' in refused.text
    assert 'value="The mill"' in refused.text
    assert registry(url).sites == {}

    thresholds = {"thresholds.0.name": "attention", "thresholds.0.value": "150 cm"}
    saved = anne.post(f"{FORMS}/site", data={**new, "lat": "48.6", **thresholds, "reason": "ours"})
    assert saved.headers["location"] == "/admin/inventory/list/site?done=saved"
    device = {
        "name": "mill-1",
        "site": "mill",
        "model": "radar-gauge",
        "commissioned": "2024-01-01",
    }
    saved = anne.post(f"{FORMS}/device", data=device)
    assert saved.headers["location"] == "/admin/devices?q=mill-1&done=saved"
    there = registry(url)
    assert (there.sites["mill"].lat, there.devices["mill-1"].site) == (48.6, "mill")
    assert ("mill-1", "level") in there.series
    [threshold] = [each for each in there.revisions if each.kind == "threshold"]
    assert (threshold.value or {})["value"] == 1.5
    assert (threshold.author, threshold.reason) == ("anne", "ours")
    assert [(act.subject, act.author, act.reason) for act in acts(url)] == [
        ("site/mill", "anne", "ours"),
        ("device/mill-1", "anne", "entered in a form"),
    ]
    again = anne.post(f"{FORMS}/site", data={**new, "lat": "48.6"})
    assert "exists already" in again.text
    for key in ("", "nobody"):
        assert anne.post(f"{FORMS}/site", params={"key": key}).status_code == 422
    nowhere = anne.post(f"{FORMS}/device", data={**device, "name": "b", "site": "mil"})
    assert "did you mean &#39;mill&#39;" in nowhere.text
    assert set(registry(url).sites) == {"mill"}


def test_a_form_changes_what_was_changed_in_it(anne: httpx.Client, url: str) -> None:
    apply(anne)
    assert edit(anne, "site", "orge").status_code == 303
    assert len(acts(url)) == 1, "nothing was changed: nothing is recorded"
    page = anne.get(f"{FORMS}/site", params={"key": "orge"})
    assert "attention: 1 m" in page.text, "the same as a file"
    assert edit(anne, "site", "orge", title="The Orge", **{"thresholds.0.value": "2 m"}).is_redirect
    there = registry(url)
    assert there.sites["orge"].title == "The Orge"
    assert [
        (each.value or {})["value"] for each in there.revisions if each.kind == "threshold"
    ] == [
        1.0,
        2.0,
    ]
    gone = {"thresholds.0.name": "", "thresholds.0.value": ""}
    assert edit(anne, "site", "orge", **gone).is_redirect
    assert [each.value for each in registry(url).revisions if each.kind == "threshold"][-1] is None


def test_what_somebody_changed_meanwhile_is_not_overwritten(anne: httpx.Client, url: str) -> None:
    apply(anne)
    fields = shown(anne.get(f"{FORMS}/site", params={"key": "orge"}))
    assert edit(anne, "site", "orge", title="Ben's").is_redirect
    late = anne.post(
        f"{FORMS}/site", params={"key": "orge"}, data={**fields, "title": "Anne's", "river": "Orge"}
    )
    assert late.status_code == 422
    assert "somebody changed it meanwhile" in late.text.lower()
    assert "now: Ben&#39;s" in late.text
    assert registry(url).sites["orge"].title == "Ben's"
    again = {**shown(late), "title": "Anne's"}
    assert anne.post(f"{FORMS}/site", params={"key": "orge"}, data=again).is_redirect
    there = registry(url).sites["orge"]
    assert (there.title, there.river) == ("Anne's", "Orge")


def test_files_show_what_they_change_and_then_change_it(anne: httpx.Client, url: str) -> None:
    preview = send(
        anne, ("town.yaml", TOWN), ("more.csv", "asset;title;kind;site\nrd;Road;road;orge\n")
    )
    assert preview.status_code == 200
    for words in ("new: Orge", "orge/attention", "1 m", "new: Road", "every 15 min"):
        assert words in preview.text
    assert registry(url).sites == {}
    assert confirm(anne, preview, reason="survey").is_redirect
    assert set(registry(url).sites) == {"orge", "yvette"}
    assert set(registry(url).assets) == {"rd"}
    [act] = acts(url)
    assert (act.subject, act.author, act.reason) == ("town.yaml more.csv", "anne", "survey")
    assert act.details["changed"]["site"] == 2
    assert "Nothing to change" in send(anne, ("town.yaml", TOWN)).text


def test_mistakes_of_files_stand_with_their_line_and_column(anne: httpx.Client, url: str) -> None:
    bad = "sites:\n  - name: orge\n    lon: 48.7\n    lat: 2.1\n    thresholds: {atention: 1 m}\n"
    sheet = "site;title;domain;lon\nmill;Mill;flood;north\n"
    answer = send(anne, ("town.yaml", bad), ("more.csv", sheet))
    assert answer.status_code == 422
    for words in (
        "town.yaml:4:10",
        "sites.orge.lat",
        "look exchanged",
        "town.yaml:5:",
        "more.csv:2",
    ):
        assert words in answer.text
    anne.cookies.set("lang", "fr")
    french = unescape(send(anne, ("town.yaml", bad), ("more.csv", sheet)).text)
    for words in (
        "town.yaml:4:10",
        "semblent inversées",
        "seuil inconnu : « atention »",
        "« north » : il faut un nombre",
    ):
        assert words.replace(" ", "\N{NO-BREAK SPACE}") in french.replace(
            " ", "\N{NO-BREAK SPACE}"
        ), words
    assert registry(url).sites == {}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("town.txt", b"sites: []", "expected a file that ends in"),
        ("town.yaml", b"sites:\n  - \xff", "town.yaml:2: is not UTF-8"),
        ("town.yaml", b"# " + b"x" * 1_500_000, "too large"),
        ("town.yaml", b"sites: [", "this is not YAML"),
    ],
)
def test_what_is_no_inventory_is_refused(
    anne: httpx.Client, name: str, content: bytes, words: str
) -> None:
    answer = anne.post("/admin/inventory/preview", files=[("files", (name, content))])
    assert answer.status_code == 422
    assert words in answer.text


def test_a_preview_that_no_longer_holds_is_not_applied(anne: httpx.Client, url: str) -> None:
    preview = send(anne, ("town.yaml", TOWN))
    apply(anne, TOWN.replace("title: Orge", "title: Other"))
    late = confirm(anne, preview)
    assert late.status_code == 422
    assert "the registry changed since the preview" in late.text.lower()
    assert registry(url).sites["orge"].title == "Other"
    assert confirm(anne, late).is_redirect, "the page shows the new difference"
    assert registry(url).sites["orge"].title == "Orge"


def test_a_threshold_set_by_hand_is_replaced_only_by_will(anne: httpx.Client) -> None:
    apply(anne)
    put = {"value": "1.2 m", "reason": "seen on site"}
    etag = anne.get("/api/v1/thresholds/orge/attention").headers["etag"]
    answer = anne.put("/api/v1/thresholds/orge/attention", json=put, headers={"If-Match": etag})
    assert answer.status_code == 200, answer.text
    refused = confirm(anne, send(anne, ("town.yaml", TOWN)))
    assert refused.status_code == 422
    assert "seen on site" in refused.text
    assert confirm(anne, refused, overwrite="yes").is_redirect


def test_the_file_of_now_is_what_was_sent(anne: httpx.Client) -> None:
    apply(anne)
    file = anne.get("/admin/inventory/file")
    assert file.headers["content-disposition"] == 'attachment; filename="inventory.yaml"'
    assert "Nothing to change" in send(anne, ("now.yaml", file.text)).text
    features = anne.get("/admin/inventory/file/sites").json()["features"]
    assert [each["properties"]["name"] for each in features] == ["orge", "yvette"]


def test_examples_are_offered_as_files(anne: httpx.Client, url: str) -> None:
    preview = anne.post("/admin/inventory/preview", data={"example": "poyo"})
    assert "poyo" in preview.text
    assert confirm(anne, preview).is_redirect
    assert "poyo" in str(registry(url).devices)


def test_a_territory_is_administered_by_its_own(
    anne: httpx.Client, nora: httpx.Client, url: str
) -> None:
    apply(anne)
    page = nora.get("/admin/inventory/list/site").text
    assert ("orge" in page, "yvette" in page) == (True, False)
    assert edit(nora, "site", "orge", river="Orge").is_redirect
    away = edit(nora, "site", "orge", commune=YVETTE)
    assert away.status_code in (403, 422)
    assert nora.get(f"{FORMS}/site", params={"key": "yvette"}).status_code == 404
    for kind, fields in (
        ("area", {"code": "91003", "kind": "commune", "name": "X"}),
        ("gateway", {"name": "g", "protocol": "native"}),
        (
            "zone",
            {
                "name": "z",
                "kind": "flood",
                "geometry": TRIANGLE,
            },
        ),
        ("plan", {"name": "p", "title": "P"}),
        ("site", {"name": "yvette", "title": "mine", "domain": "flood", "commune": ORGE}),
        ("site", {"name": "nowhere", "domain": "flood"}),
    ):
        answer = nora.post(f"{FORMS}/{kind}", data=fields)
        assert answer.status_code == 403, (kind, fields, answer.text)
    theirs = f'sites: [{{name: yvette, title: mine, commune: "{ORGE}", domain: flood}}]'
    assert confirm(nora, send(nora, ("x.yaml", theirs))).status_code == 403
    there = registry(url)
    assert there.sites["yvette"].title == "Yvette"
    assert (there.sites["orge"].commune, there.sites["orge"].river) == (ORGE, "Orge")
    assert set(there.sites) == {"orge", "yvette"}
    assert YVETTE not in nora.get("/admin/inventory/file").text


def test_only_administrators_and_only_from_a_page_of_ours(base: str, url: str) -> None:
    with signed_in(base, url, "vera", (("viewer", None), ("author", None))) as vera:
        for address in ("", "/list/site", "/form/site", "/file", "/file/sites"):
            assert vera.get(f"/admin/inventory{address}").status_code == 403
        assert vera.post(f"{FORMS}/site", data={"name": "x", "domain": "flood"}).status_code == 403
        assert send(vera, ("town.yaml", TOWN)).status_code == 403
    with signed_in(base, url, "anne", EVERYTHING) as forged:
        del forged.headers["X-CSRF-Token"]
        for address in ("form/site", "preview", "apply"):
            answer = forged.post(f"/admin/inventory/{address}", data={"name": "x"})
            assert answer.status_code == 403
    assert registry(url).sites == {}


def test_who_moves_a_territory_must_have_proved_that_it_is_them(
    anne: httpx.Client, url: str
) -> None:
    """A site in another commune is in the reach of others; a site's other fields are not."""
    apply(anne)
    with connect(url) as connection:
        connection.execute("UPDATE session SET confirmed_at = NULL")
    assert edit(anne, "site", "orge", river="Orge").is_redirect
    moved = edit(anne, "site", "orge", commune=YVETTE)
    assert (moved.status_code, "Confirm that it is you" in moved.text) == (403, True)
    area = {"code": "91003", "kind": "commune", "name": "X"}
    assert anne.post(f"{FORMS}/area", data=area).status_code == 403
    text = f"areas: [{{code: '{YVETTE}', kind: commune, name: Yvette, parent: '{NORTH}'}}]"
    assert confirm(anne, send(anne, ("x.yaml", text))).status_code == 403
    assert registry(url).sites["orge"].commune == ORGE


def test_a_device_is_taken_out_of_service_and_back(anne: httpx.Client) -> None:
    apply(anne)
    service = "/admin/devices/orge-1/service"
    assert "give a reason" in anne.post(service, data={"reason": " "}).text
    out = anne.post(service, data={"reason": "struck"})
    assert out.headers["location"] == "/admin/devices?q=orge-1&done=out"
    back = anne.post(service, data={"reason": "mended", "back": "1"})
    assert back.headers["location"] == "/admin/devices?q=orge-1&done=back"


def test_forms_with_more_rows_and_ways_back(anne: httpx.Client, url: str) -> None:
    assert anne.get(f"{FORMS}/castle").status_code == 404
    blank = anne.get(f"{FORMS}/device?site=orge")
    assert 'value="orge"' in blank.text
    more = anne.post(f"{FORMS}/device", data={"name": "d", "more": "rows"})
    assert more.status_code == 200
    assert more.text.count('name="series.') > blank.text.count('name="series.')
    site = {"name": "mill", "title": "Mill", "domain": "flood", "reason": "why"}
    saved = anne.post(f"{FORMS}/site?back=now", data=site)
    assert saved.headers["location"] == "/now"
    assert "mill" in registry(url).sites
    assert "Choose a file, or an example." in send(anne).text

"""Commands in the console: form and preview, the second signature, the pages that show them."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest

from hypervisor.commands import queries
from hypervisor.commands.model import SENDER, CommandState
from hypervisor.database.connect import Connection, connect
from tests.integration.commands.conftest import Room
from tests.integration.web.conftest import DEPARTEMENT, NORTH, SOUTH
from tests.integration.web.served import signed_in

pytestmark = pytest.mark.integration
DAY = timedelta(days=1)


def read(client: httpx.Client, address: str, status: int = 200) -> str:
    client.cookies.set("lang", "en")
    answer = client.get(address)
    assert answer.status_code == status, answer.text
    return answer.text.replace("\N{NO-BREAK SPACE}", " ")


def fill(client: httpx.Client, target: str, kind: str, **fields: str) -> dict[str, str]:
    """What the form of a command sends, with these fields filled in."""
    form = read(client, f"/commands/new?target={target}&kind={kind}")
    key = re.search(r'name="key" value="([^"]+)"', form)
    assert key is not None
    return {"kind": kind, "target": target, "key": key[1], "reason": "flooded", **fields}


def give(client: httpx.Client, data: dict[str, str]) -> str:
    answer = client.post("/commands", data=data, follow_redirects=False)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def test_two_people_close_a_barrier(room: Room) -> None:
    data = fill(room.anne, "device/barrier-1", "barrier", **{"p-position": "closed"})
    preview = room.anne.get("/commands/preview", params=data | {"reason": ""}).text
    assert "Move the barrier: closed" in preview
    assert "two people sign" in preview
    address = give(room.anne, data)
    assert give(room.anne, data) == address  # sent twice, ordered once
    key = address.rpartition("/")[2]
    own = read(room.anne, address)
    assert "its author cannot" in own
    assert 'data-key="s"' not in own
    refused = room.anne.post(f"{address}/acts", data={"act": "sign"})
    assert refused.status_code == 422
    assert "takes two people" in refused.text or "second" in refused.text
    assert f"/commands/{key}/acts" in read(room.bert, "/now")
    signed = room.bert.post(f"{address}/acts", data={"act": "sign"}, follow_redirects=False)
    assert signed.status_code == 303, signed.text
    assert room.life(room.anne, key) == ["drafted", "queued"]
    assert "Waits to be sent" in read(room.anne, "/commands?which=waiting&device=barrier-1")
    assert key not in read(room.anne, "/commands?which=unsigned")
    part = read(room.anne, "/commands/part?site=orge")
    assert key in part
    assert "target=device/sign-1&amp;kind=sign_text" in part


def test_what_is_wrong_stands_above_the_form(room: Room) -> None:
    data = fill(room.anne, "device/lamp-1", "dim", **{"p-level": "140"})
    preview = room.anne.get("/commands/preview", params=data)
    assert "expected a number from 0 to 100" in preview.text
    refused = room.anne.post("/commands", data=data)
    assert refused.status_code == 422
    assert "expected a number from 0 to 100" in refused.text
    assert 'value="140"' in refused.text
    minutes = room.anne.post("/commands", data=data | {"p-level": "40", "minutes": "soon"})
    assert minutes.status_code == 422
    room.anne.post("/commands", data=data | {"p-level": "40,5", "minutes": "5"})
    (command,) = room.listed(room.anne, device="lamp-1", kind="dim")[:1]
    assert command["parameters"] == {"level": 40.5}


def test_duty_is_checked_at_the_place(room: Room) -> None:
    assert room.olga.get("/commands/new").status_code == 403
    data = fill(room.anne, "device/barrier-2", "barrier", **{"p-position": "open"})
    key = give(room.anne, data).rpartition("/")[2]
    targets = read(room.nora, "/commands/new")  # commands in the north alone
    assert "barrier-1" in targets
    assert "barrier-2" not in targets
    assert room.nora.get("/commands/new?target=device/barrier-2").status_code == 403
    assert room.nora.post("/commands", data=data).status_code == 403
    page = read(room.nora, f"/commands/{key}")
    assert 'value="sign"' not in page
    assert room.nora.post(f"/commands/{key}/acts", data={"act": "sign"}).status_code == 403
    taken = room.bert.post(f"/commands/{key}/acts", data={"act": "cancel", "reason": "not needed"})
    assert taken.status_code == 303
    assert room.life(room.anne, key) == ["drafted", "cancelled"]


def test_a_group_is_one_page(room: Room) -> None:
    data = fill(room.anne, "group/street", "switch", **{"p-state": "on"})
    address = give(room.anne, data)
    page = read(room.anne, address)
    assert "lamp-1" in page
    assert "lamp-3" in page
    assert "2 devices of street" in room.anne.get("/commands/preview", params=data).text


def test_a_team_does_what_a_command_did_not_and_the_report_tells_both(
    room: Room, connection: Connection
) -> None:
    (command,) = room.order(room.anne, "barrier", "device/barrier-1")
    room.step(room.bert, command["id"], "sign")
    key = UUID(command["id"])
    for before, after, who in (
        (CommandState.QUEUED, CommandState.SENT, SENDER),
        (CommandState.SENT, CommandState.ACKNOWLEDGED, "device/barrier-1"),
        (CommandState.ACKNOWLEDGED, CommandState.FAILED, SENDER),
    ):
        why = "it has not moved" if after is CommandState.FAILED else ""
        now = queries.read_clock(connection)
        queries.move(connection, [key], after, states=[before], at=now, who=who, why=why)
    connection.commit()
    address = f"/interventions/new?command={key}"
    assert address in read(room.olga, f"/commands/{key}")
    with signed_in(room.base, room.url, "vera", (("viewer", None),)) as vera:
        assert address not in read(vera, f"/commands/{key}"), "who looks on sends no team"
    form = read(room.olga, address)
    assert 'value="By hand: move the barrier: closed"' in form
    assert "it has not moved" in form
    fields = {"title": "By hand", "site": "orge", "command": str(key), "priority": "urgent"}
    made = room.olga.post("/interventions", data=fields, follow_redirects=False)
    assert made.status_code == 303, made.text
    order = made.headers["location"]
    assert f"/commands/{key}" in read(room.olga, order)
    assert order in read(room.olga, address), "made from this command already"
    unknown = room.olga.post("/interventions", data=fields | {"command": str(uuid4())})
    assert unknown.status_code == 422
    assert "there is no command" in unknown.text

    begins, ends = (f"{datetime.now(UTC) + days:%Y-%m-%dT%H:%M}" for days in (-DAY, DAY))
    span = f"from={begins}&to={ends}"  # commands have the database's clock
    report = read(room.olga, f"/report?{span}")
    steps = ("Ordered, Anne", "Second signature, Bert", "Acknowledged by", "Failed<", "not moved")
    places = [report.rindex(step) for step in steps]
    assert places == sorted(places), dict(zip(steps, places, strict=True))
    with signed_in(room.base, room.url, "rita", (("viewer", SOUTH),)) as rita:
        assert str(key) not in read(rita, f"/report?{span}")
        assert rita.get(order).status_code == 404
        assert rita.get(address).status_code == 403


def test_devices_of_the_map_are_commanded_together(room: Room) -> None:
    with connect(room.url) as connection:
        connection.execute("UPDATE site SET lon = 2.2, lat = 48.5 WHERE name = 'orge'")
        connection.execute("UPDATE site SET lon = 2.9, lat = 48.9 WHERE name = 'yvette'")
        connection.commit()

    room.anne.cookies.set("lang", "en")

    def listed(client: httpx.Client, **shown: str) -> set[str]:
        page = client.get("/commands/new", params=shown)
        assert page.status_code == 200, page.text
        return set(re.findall(r'target=device/([\w-]+)"', page.text))

    north = {"lamp-1", "lamp-3", "cabinet-1", "sign-1", "barrier-1"}
    south = {"lamp-2", "barrier-2"}
    everywhere = listed(room.anne, area=DEPARTEMENT)
    assert north | south <= everywhere
    for shown in ({"box": "2,48,2.5,49"}, {"area": NORTH}):
        assert north <= listed(room.anne, **shown) <= everywhere - south
    assert listed(room.anne, domain="lighting") == listed(room.anne, alarmed="1") == set()
    assert listed(room.anne, box="here") == everywhere
    assert not south & listed(room.nora, area=DEPARTEMENT)

    chosen = {"device": ["lamp-1", "lamp-2"], "kind": "switch"}
    form = room.anne.get("/commands/new", params=chosen)
    assert "2 chosen devices" in form.text
    assert room.nora.get("/commands/new", params=chosen).status_code == 403
    commands = room.order(room.anne, "switch", "devices/lamp-1,lamp-2")
    assert {command["device"] for command in commands} == {"lamp-1", "lamp-2"}
    assert len({command["batch"] for command in commands}) == 1
    assert "2 chosen devices" in room.anne.get(f"/commands/{commands[0]['batch']}").text
    for target, status, words in (
        ("devices/lamp-1,lamp-9", 404, "lamp-9"),
        ("devices/lamp-1,sign-1", 422, "sign-1 does not obey switch"),
        (f"devices/{','.join(f'lamp-{n}' for n in range(61))}", 422, "the most is 60"),
    ):
        assert words in room.order(room.anne, "switch", target, status=status)
    refused = room.order(room.anne, "barrier", "devices/barrier-1,barrier-2", status=422)
    assert "no target of barrier" in refused
    room.order(room.nora, "switch", "devices/lamp-1,lamp-2", status=403)

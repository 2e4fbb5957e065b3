"""What an agent's phone asks for: the page, its worker, maps, photographs."""

import io
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from hypervisor.database.connect import connect
from hypervisor.registry import queries as registry_queries
from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Device, Series, Site
from hypervisor.stack import housekeeping
from tests.integration.evaluation.world import DAY, World
from tests.integration.interventions.conftest import Room
from tests.integration.web.conftest import ORGE
from tests.integration.web.served import NOW

BY_PERSON = {"feed": "person"}
RANGE = {"low": -5.0, "high": 15.0}
ORDERS = "/api/v1/field/orders"
pytestmark = pytest.mark.integration


def register_staff(world: World) -> None:
    """A staff at a mill, which agents read."""
    registry_queries.write(
        world.connection,
        Changes(
            sites=(Site(name="mill", title="Mill", domain="flood", lon=2.35, lat=48.6),),
            devices=(
                Device(name="mill-staff", site="mill", commissioned=DAY, properties=BY_PERSON),
            ),
            series=(Series(device="mill-staff", quantity="level"),),
            revisions=(
                world.fact("series", "mill-staff/level", {"interval_s": 3_600}),
                world.fact("threshold", "mill/attention", {"value": 3.0, "unit": "m"}),
                world.fact("threshold", "mill/alert", {"value": 4.0, "unit": "m"}),
            ),
        ),
    )
    world.connection.execute("UPDATE site SET commune = %s WHERE name = 'mill'", [ORGE])
    world.connection.commit()


def send_photo(client: httpx.Client, number: int, **fields: str) -> httpx.Response:
    written = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "a camera's name"
    Image.new("RGB", (320, 240), "navy").save(written, "JPEG", exif=exif)
    return client.post(
        f"/api/v1/field/orders/{number}/photos",
        data={"key": str(uuid4()), **fields},
        files={"file": ("../../photo.jpg", written.getvalue())},
    )


def test_the_page_its_worker_and_a_map(live: Room) -> None:
    number = live.order(lon=2.35, lat=48.7)["id"]
    page = live.tom.get("/field")
    assert page.status_code == 200
    assert "<script>" not in page.text
    worker = live.tom.get("/field/worker.js")
    assert worker.headers["service-worker-allowed"] == "/field"
    assert "__" not in worker.text
    drawn = live.tom.get(f"/field/orders/{number}/map.svg")
    assert (drawn.status_code, drawn.headers["content-type"]) == (200, "image/svg+xml")
    assert live.sue.get(f"/field/orders/{number}/map.svg").status_code == 404
    assert live.anne.get("/field").status_code == 403


def test_a_photograph_is_for_who_may_see_the_order(live: Room) -> None:
    number, key = live.order()["id"], str(uuid4())
    for _ in range(2):
        sent = send_photo(live.tom, number, key=key, text="the quay", lon="2.3", lat="48.6")
        assert sent.status_code == 200, sent.text
    events = live.read(number)["events"]
    assert [(event["act"], event["text"]) for event in events[2:]] == [("observe", "the quay")]
    assert events[2]["details"]["position"] == [2.3, 48.6]
    photo = live.anne.get(f"/api/v1/interventions/{number}/photos/3")
    assert photo.headers["content-type"] == "image/jpeg"
    assert b"camera" not in photo.content
    assert f"/interventions/{number}/photos/3" in live.nora.get(f"/interventions/{number}").text
    assert live.nora.get(f"/interventions/{number}/photos/3").status_code == 200
    south = live.order(site="yvette", team="south")["id"]
    assert send_photo(live.sue, south).status_code == 200
    assert live.nora.get(f"/interventions/{south}/photos/3").status_code == 404
    assert live.nora.get(f"/api/v1/interventions/{south}/photos/3").status_code == 404
    assert send_photo(live.tom, south).status_code == 404


def test_a_photograph_ends_and_what_was_observed_stays(live: Room) -> None:
    number = live.order()["id"]
    assert send_photo(live.tom, number, text="the quay").status_code == 200
    assert "position" not in live.read(number)["events"][-1]["details"], "only if the agent agrees"
    address = f"/api/v1/interventions/{number}/photos/3"
    days = {"readings": None, "dead_letters": None, "imported": None}
    with connect(live.world.url, autocommit=True) as connection:
        housekeeping.sweep(connection, {**days, "photographs": 100_000})
        assert live.anne.get(address).status_code == 200
        housekeeping.sweep(connection, {**days, "photographs": 30}, agree=True)
    gone = live.anne.get(address)
    assert (gone.status_code, "no such photograph" in gone.json()["detail"]) == (404, True)
    assert live.read(number)["events"][-1]["text"] == "the quay"
    assert live.anne.get(f"/interventions/{number}").status_code == 200


def test_a_photograph_that_takes_long_to_arrive_keeps_its_time(live: Room) -> None:
    number, mark = live.order()["id"], "boundary"
    fields = {"key": str(uuid4()), "age_ms": "2000"}.items()
    parts = [
        f'Content-Disposition: form-data; name="{name}"\r\n\r\n{value}' for name, value in fields
    ]
    picture = io.BytesIO()
    Image.new("RGB", (320, 240), "navy").save(picture, "JPEG")
    head = "".join(f"--{mark}\r\n{part}\r\n" for part in parts) + (
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\n\r\n'
    )

    def upload() -> Iterator[bytes]:
        yield head.encode()
        time.sleep(1)
        yield picture.getvalue() + f"\r\n--{mark}--\r\n".encode()

    answer = live.tom.post(
        f"/api/v1/field/orders/{number}/photos",
        content=upload(),
        headers={"Content-Type": f"multipart/form-data; boundary={mark}"},
    )
    assert answer.status_code == 200, answer.text
    noted = datetime.fromisoformat(live.read(number)["events"][-1]["noted_at"])
    assert noted < NOW - timedelta(seconds=2.5)  # of the clock, which stands


def test_a_hostile_photograph_is_refused_with_a_sentence(live: Room) -> None:
    number = live.order()["id"]
    answer = live.tom.post(
        f"/api/v1/field/orders/{number}/photos",
        data={"key": str(uuid4())},
        files={"file": ("x.jpg", b"<script>alert(1)</script>")},
    )
    assert answer.status_code == 422
    assert "expected a JPEG, PNG or WebP picture" in answer.json()["detail"]
    assert live.read(number)["intervention"]["version"] == 2


def test_a_level_read_on_the_staff_feeds_the_rules(live: Room) -> None:
    """Noted at 23:50 and 00:00 without a network, sent at 00:20: the time is the noted one."""
    world = live.world
    register_staff(world)
    number = live.order(site="mill")["id"]
    (order,) = [each for each in live.tom.get(ORDERS).json()["orders"] if each["id"] == number]
    assert order["quantities"] == [
        {"series": "mill-staff/level", "label": "Water level", "unit": "m"} | RANGE
    ]
    read = {"series": "mill-staff/level", "text": "read on the staff"}
    live.clock.now = NOW + timedelta(minutes=20)
    for minutes, value in ((30, 3.4), (20, 3.5)):
        key = str(uuid4())
        for _ in range(2):
            sent = live.note(
                live.tom, number, "observe", value=value, age_ms=minutes * 60_000, key=key, **read
            )
            assert (sent.status_code, sent.json()["kept"]) == (200, None), sent.text
    typo = live.note(live.tom, number, "observe", value=3_400, **read)
    assert (typo.status_code, "m, not 3400" in typo.json()["detail"]) == (422, True), typo.text
    wrong = live.note(live.tom, number, "observe", value=1, series="orge/level", text="x")
    assert "agents read no 'orge/level'" in wrong.json()["detail"]
    stored = live.anne.get("/api/v1/series/mill-staff/level/readings").json()["readings"]
    assert [(row["time"], row["value"], row["received_at"]) for row in stored] == [
        ("2024-01-01T23:50:00Z", 3.4, "2024-01-02T00:20:00Z"),
        ("2024-01-02T00:00:00Z", 3.5, "2024-01-02T00:20:00Z"),
    ]
    world.beat(24 * 60 + 25)
    world.settle()
    alarms = live.anne.get("/api/v1/alarms?site=mill").json()["alarms"]
    assert ("flood-high", "2024-01-02T00:00:00Z") in [
        (alarm["rule"], alarm["began"]) for alarm in alarms
    ]
    assert live.read(number)["events"][-1]["details"]["value"] == 3.5


def test_in_an_exercise_a_note_is_as_old_as_the_scenario(make_room: Callable[..., Room]) -> None:
    """Noted five minutes ago, while the scenario played sixty times faster."""
    room = make_room(mode="exercise", raw_retention_days=1)
    set_scenario(room, NOW)
    number = room.order()["id"]
    room.clock.now = NOW + timedelta(minutes=10)
    set_scenario(room, NOW + timedelta(hours=10))
    assert room.note(room.tom, number, "accept", age_ms=300_000).status_code == 200
    event = room.read(number)["events"][-1]
    assert event["noted_at"] == "2024-01-02T00:05:00Z"
    assert event["details"]["noted_scenario_at"] == "2024-01-02T05:00:00+00:00"
    page = room.anne.get(f"/interventions/{number}").text
    assert "06:00, sent later" in page, "the scenario's clock, in local time"
    register_staff(room.world)
    number, key = room.order(site="mill")["id"], str(uuid4())
    read = {"series": "mill-staff/level", "value": 3.4, "text": "read", "key": key}
    room.clock.now = NOW + timedelta(minutes=20)
    set_scenario(room, NOW + timedelta(days=10))
    for _ in range(2):
        kept = room.note(room.tom, number, "observe", age_ms=300_000, **read).json()["kept"]
        assert "the value is not stored: measured at 2024-01-07T05" in kept, (
            "five days: too old here"
        )
    assert room.read(number)["events"][-1]["text"] == "read", "what was noted stays"
    assert "refused: measured at" in room.anne.get(f"/interventions/{number}").text


def set_scenario(room: Room, time: datetime) -> None:
    connection = room.world.connection
    connection.execute(
        "INSERT INTO worker (name, joined_at, heartbeat_at) VALUES ('player', %(at)s, %(at)s)"
        " ON CONFLICT (name) DO UPDATE SET heartbeat_at = EXCLUDED.heartbeat_at",
        {"at": time},
    )
    connection.execute("UPDATE evaluation_state SET watermark = %s", [time])
    connection.commit()

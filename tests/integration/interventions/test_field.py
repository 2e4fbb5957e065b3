"""What an agent's phone asks for: the page, its worker, maps, photographs."""

import io
from uuid import uuid4

import httpx
import pytest
from PIL import Image

from tests.integration.interventions.conftest import Room

pytestmark = pytest.mark.integration


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

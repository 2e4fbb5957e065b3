"""Whatever bytes arrive, they become rows or letters, each accounted for; nothing is raised."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.check import TimeTolerance, check
from ingest.decode import LARGEST, decode
from ingest.layout import Layouts
from ingest.letters import make_dead_letters
from ingest.library import Library
from ingest.mapping import load_mapping
from ingest.meaning import read_fields
from ingest.message import Arrival
from ingest.ports import Channel, Inventory
from ingest.route import Routes
from tests.unit.ingest.field import EUI, TIME, chirpstack, known, say, the_things_stack
from tests.unit.ingest.hostile import Message, measures_nothing

BELIEF = TimeTolerance(ahead=300_000_000, behind=400 * 86_400_000_000)
DEVICES = {"gauge": {"level": Channel(series=1, unit="m", low=-5.0, high=15.0)}}
LAYOUTS = Layouts(DEVICES)
ROUTES = Routes(Inventory(devices=DEVICES), Library())
RECEIVED = 1_641_881_700_000_000
MAPPING = "payload: json\nfields: {a: {quantity: rain, missing: [0], values: {x: 1}}, b.x: rain}"

times = st.one_of(
    st.just("2022-01-11T06:15:00Z"),
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.datetimes().map(lambda moment: moment.isoformat() + "+02:00"),
    st.text(max_size=30),
    st.integers(),
)
names = st.one_of(st.just("level"), st.text(max_size=5))
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("mm")
)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3), max_leaves=4)
objects = st.fixed_dictionaries(
    {"time": times, "values": st.dictionaries(names, values, max_size=4)},
    optional={
        "units": st.dictionaries(names, values, max_size=2),
        "status": st.dictionaries(names, values, max_size=2),
        "extra": values,
    },
)
documents = st.one_of(objects, st.lists(st.one_of(objects, values), max_size=5), values)
payloads = st.one_of(
    st.binary(max_size=60),
    documents.map(lambda document: json.dumps(document).encode()),
    documents.map(lambda document: json.dumps(document, ensure_ascii=False)).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    ),
)


@settings(max_examples=200)
@given(payload=payloads, topic=st.sampled_from(["gauge", "stranger", "devices/é\x00"]))
def test_any_bytes(payload: bytes, topic: str) -> None:
    arrival = Arrival(topic=f"devices/{topic}/readings", payload=payload, received_at=RECEIVED)
    rows, refused = check(decode([arrival], ROUTES), LAYOUTS, BELIEF)
    made = make_dead_letters(refused, largest=LARGEST)
    assert len(rows) or made
    assert len({letter.reason for letter in made}) == len(made)
    for letter in made:
        (letter.topic + letter.detail).encode()
        assert "\x00" not in letter.topic + letter.detail


numbers = st.one_of(st.integers(), st.floats(), st.just(10**400), st.just(1e308), st.none())
texts = st.one_of(
    st.text(max_size=5), st.just(EUI), st.just("alone"), st.just(TIME), st.just("AA==")
)
WORDS = (
    "bn bt bu bv bs bver n u v vs vb vd s t ut x_ time deviceInfo devEui fPort data object rxInfo"
    " end_device_ids dev_eui uplink_message f_port frm_payload received_at level rain_mm"
)
words = st.sampled_from(WORDS.split(" "))
json_ = st.recursive(
    st.one_of(numbers, texts, st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=6)),
    max_leaves=20,
)
FORMS = (
    "devices/alone/senml",
    "gateways/things/senml",
    chirpstack()[0],
    the_things_stack()[0],
    "gateways/concentrator/devices/lamp-17/readings",
    "gateways/lora/what/ever",
)
LIBRARY = Library()


def _things(more: dict[str, Any]) -> dict[str, Any]:
    message = the_things_stack(b"\x01\x67\x01\x10")[1]
    return message | more | {"uplink_message": message["uplink_message"] | more}


payloads_of_forms = st.one_of(
    st.binary(max_size=40),
    json_.map(lambda document: json.dumps(document).encode()),
    st.dictionaries(words, json_, max_size=4).map(
        lambda more: json.dumps(chirpstack(b"\x01")[1] | more).encode()
    ),
    st.dictionaries(words, json_, max_size=4).map(lambda more: json.dumps(_things(more)).encode()),
    st.lists(st.dictionaries(words, json_, max_size=5), max_size=4).map(
        lambda records: json.dumps(records).encode()
    ),
)


def check_any_form(topic: str, payload: bytes) -> None:
    said = say((topic, payload), routes=Routes(known(), LIBRARY))
    message = Message(topic=topic, payload=payload)
    assert said.values or said.letters or measures_nothing(message)
    for letter in said.letters:
        (letter.topic + letter.detail).encode()


@settings(max_examples=100)
@given(topic=st.sampled_from(FORMS), payload=payloads_of_forms)
def test_any_message_of_any_form(topic: str, payload: bytes) -> None:
    check_any_form(topic, payload)


@pytest.mark.long
@pytest.mark.timeout(900)
@settings(max_examples=2_000)
@given(topic=st.sampled_from(FORMS), payload=payloads_of_forms)
def test_any_message_of_any_form_many_times(topic: str, payload: bytes) -> None:
    check_any_form(topic, payload)


@given(data=st.dictionaries(st.sampled_from(["a", "b"]), json_, max_size=2))
@settings(max_examples=100)
def test_any_data_of_a_codec(data: dict[str, Any]) -> None:
    mapping = load_mapping(MAPPING, file="m")
    read = read_fields(mapping, data, has=("rain",))
    assert all(value is None or abs(value) < 1e301 for value in read.values.values())


@settings(max_examples=25)
@given(st.lists(payloads, max_size=20))
def test_a_batch_gives_what_its_messages_give(batch: list[bytes]) -> None:
    arrivals = [
        Arrival(topic="devices/gauge/readings", payload=payload, received_at=RECEIVED)
        for payload in batch
    ]
    rows, refused = check(decode(arrivals, ROUTES), LAYOUTS, BELIEF)
    one_by_one = [check(decode([arrival], ROUTES), LAYOUTS, BELIEF) for arrival in arrivals]
    assert len(rows) == sum(len(each) for each, _ in one_by_one)
    assert sorted(one.reason for one in refused) == sorted(
        one.reason for _, each in one_by_one for one in each
    )

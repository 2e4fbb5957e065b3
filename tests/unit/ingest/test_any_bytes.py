"""Whatever bytes arrive, they become rows or letters, each accounted for; nothing is raised."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.check import Belief, check
from ingest.decode import LARGEST, decode
from ingest.layout import Layouts
from ingest.letters import letters
from ingest.library import Library
from ingest.message import Arrival
from ingest.ports import Channel, Known
from ingest.route import Routes

BELIEF = Belief(ahead=300_000_000, behind=400 * 86_400_000_000)
DEVICES = {"gauge": {"level": Channel(series=1, unit="m", low=-5.0, high=15.0)}}
LAYOUTS = Layouts(DEVICES)
ROUTES = Routes(Known(devices=DEVICES), Library())
RECEIVED = 1_641_881_700_000_000

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


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(payload=payloads, topic=st.sampled_from(["gauge", "stranger", "devices/é\x00"]))
def test_any_bytes(payload: bytes, topic: str) -> None:
    arrival = Arrival(topic=f"devices/{topic}/readings", payload=payload, received_at=RECEIVED)
    rows, refused = check(decode([arrival], ROUTES), LAYOUTS, BELIEF)
    made = letters(refused, largest=LARGEST)
    assert len(rows) or made
    assert len({letter.reason for letter in made}) == len(made)
    for letter in made:
        (letter.topic + letter.detail).encode()
        assert "\x00" not in letter.topic + letter.detail


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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

"""Births, aliases, sequences and hostile bytes of an edge node."""

import math
import random
from typing import Any

import msgspec
import pytest

from hypervisor.sparkplug.edge_node import Certificates, EdgeNode, Outcome, parse_topic
from hypervisor.sparkplug.payload import encode_rebirth, read_payload
from ingest.message import Arrival
from tests.sparkplug import BOOLEAN, DOUBLE, INT32, chunk, metric, number, payload

T = 1_700_000_000_000  # ms
LEVEL = metric("level", 1.5, alias=7, datatype=DOUBLE)
SESSION = metric("bdSeq", 4, datatype=INT32)


def send(node: EdgeNode, kind: str, body: bytes, *, device: str = "") -> Outcome:
    text = f"spBv1.0/town/{kind}/plant" + (f"/{device}" if device else "")
    topic = parse_topic(text)
    assert topic is not None
    return node.receive(topic, Arrival(topic=text, payload=body, received_at=0))


def born() -> EdgeNode:
    node = EdgeNode()
    assert send(node, "NBIRTH", payload(SESSION, LEVEL, seq=0, time=T)).records == [
        {"n": "plant/level", "t": T / 1000, "v": 1.5}
    ]
    return node


def level(value: float, seq: int) -> bytes:
    return payload(metric(alias=7, value=value), seq=seq, time=T)


def values(outcome: Outcome) -> list[Any]:
    return [record.get("v", record.get("vb", record.get("vs"))) for record in outcome.records]


@pytest.mark.parametrize(
    "text",
    ["spBv1.0/g/NCMD/n", "spBv1.0/g/NDATA/n/d", "spBv1.0/g/DDATA/n", "spBv1.0/STATE/h", "a", ""],
)
def test_topics_of_others(text: str) -> None:
    assert parse_topic(text) is None


def test_aliases_types_and_times() -> None:
    node = born()
    pump = [
        metric("flow rate", 3.0, alias=1, datatype=DOUBLE),
        metric("on", value=True, alias=2, datatype=BOOLEAN),
        metric("cold", -4, alias=3, datatype=INT32, time=T - 5_500),
        metric("Properties/make", "ACME", datatype=12),
        metric("nothing", datatype=INT32, more=number(7, 1)),
    ]
    birth = send(node, "DBIRTH", payload(*pump, seq=1, time=T), device="pump")
    assert birth.records == [
        {"n": "pump/flow_rate", "t": T / 1000, "v": 3.0},
        {"n": "pump/on", "t": T / 1000, "vb": True},
        {"n": "pump/cold", "t": T / 1000 - 5.5, "v": -4},
    ]
    data = payload(metric(alias=3, value=-7), metric(alias=2, value=False), seq=2, time=T)
    assert values(send(node, "DDATA", data, device="pump")) == [-7, False]
    assert values(send(node, "NDATA", level(2.5, 3))) == [2.5]
    assert send(node, "DDEATH", payload(seq=4), device="pump").rebirth is False
    assert send(node, "DDATA", payload(metric(alias=3, value=1), seq=5), device="pump").rebirth


def test_a_message_that_comes_twice_is_one() -> None:
    node = born()
    assert values(send(node, "NDATA", level(2.0, 1))) == [2.0]
    again = send(node, "NDATA", level(2.0, 1))
    assert (again.records, again.rebirth) == ([], False)
    assert values(send(node, "NDATA", level(3.0, 2))) == [3.0]


def test_after_a_gap_no_alias_is_certain_until_the_next_birth() -> None:
    node = born()
    lost = send(node, "NDATA", level(2.0, 2))
    assert (lost.records, lost.rebirth) == ([], True)
    assert [refused.reason for refused in lost.refused] == ["bad-payload"]
    named = payload(metric("level", 2.5, datatype=DOUBLE), seq=3, time=T)
    assert values(send(node, "NDATA", named)) == [2.5]  # a name needs no birth
    send(node, "NBIRTH", payload(SESSION, LEVEL, seq=0, time=T + 1))
    assert values(send(node, "NDATA", level(3.0, 1))) == [3.0]


def test_the_sequence_begins_again_after_255() -> None:
    node = born()
    for seq in range(1, 600):
        outcome = send(node, "NDATA", level(float(seq), seq % 256))
        assert (values(outcome), outcome.rebirth) == ([float(seq)], False)


def test_only_the_death_of_its_session_ends_it() -> None:
    node = born()
    send(node, "NDEATH", payload(metric("bdSeq", 3, datatype=INT32)))
    assert values(send(node, "NDATA", level(2.0, 1))) == [2.0]
    send(node, "NDEATH", payload(SESSION))
    assert send(node, "NDATA", level(2.0, 2)).rebirth


def test_certificates_outlive_the_bridge() -> None:
    node = born()
    send(node, "NDATA", level(2.0, 1))
    kept = msgspec.json.encode(node.certificates)
    node = EdgeNode(msgspec.json.decode(kept, type=Certificates))
    assert values(send(node, "NDATA", level(2.0, 1))) == []  # sent again: known
    assert values(send(node, "NDATA", level(3.0, 2))) == [3.0]


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (metric(value=1.0), "bad-payload"),
        (metric("x", 1.0, more=chunk(16, b"abc")), "bad-value"),
        (metric("x", math.nan, datatype=DOUBLE), "not-finite"),
        (metric("x", 1.0, datatype=DOUBLE, time=5), "bad-time"),
        (metric("x", 1.0, datatype=DOUBLE, time=2**63), "bad-time"),
        (metric("-" + "x" * 500, 1.0), "bad-payload"),
        (
            metric("x", 1.0, more=chunk(9, chunk(1, b"Quality") + chunk(2, number(3, 500)))),
            "bad-value",
        ),
    ],
)
def test_one_bad_metric_leaves_the_others(made: bytes, reason: str) -> None:
    outcome = send(born(), "NDATA", payload(made, metric(alias=7, value=2.0), seq=1, time=T))
    assert [refused.reason for refused in outcome.refused] == [reason]
    assert values(outcome) == [2.0]


def test_without_any_time() -> None:
    outcome = send(born(), "NDATA", payload(metric(alias=7, value=2.0), seq=1))
    assert [refused.reason for refused in outcome.refused] == ["no-time"]


@pytest.mark.parametrize(
    "body",
    [b"{}", b"\xff" * 20, b"\x12\xff\xff\xff\xff\x7f", b"\x12\x02\x0a\x01\xff", b"\x0b", b"\x19"],
)
def test_bytes_that_are_no_payload(body: bytes) -> None:
    outcome = send(born(), "NDATA", body)
    assert ([r.reason for r in outcome.refused], outcome.records) == (["bad-payload"], [])


def test_too_much() -> None:
    assert send(born(), "NDATA", b"\x12\x00" * 20_001).refused[0].reason == "too-large"
    assert send(born(), "NDATA", bytes(2**20 + 1)).refused[0].reason == "too-large"


def test_no_bytes_end_it() -> None:
    seed = random.Random(17)
    good = payload(SESSION, LEVEL, metric("t", "text", datatype=12), seq=0, time=T)
    for _ in range(2_000):
        body = bytearray(good[: seed.randrange(1, len(good) + 1)])
        for _ in range(seed.randrange(3)):
            body[seed.randrange(len(body))] = seed.randrange(256)
        send(EdgeNode(), "NBIRTH", bytes(body))


def test_a_request_for_birth() -> None:
    command = read_payload(encode_rebirth(T))
    assert command.timestamp == T
    (rebirth,) = command.metrics
    assert (rebirth.name, rebirth.value, rebirth.datatype) == (
        "Node Control/Rebirth",
        True,
        BOOLEAN,
    )

"""Bodies of Alertmanager and Grafana, and bodies that are none."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from hypervisor.base.instants import micros, moment
from hypervisor.external.model import DeliveryError
from hypervisor.external.payload import LARGEST, LONGEST, MOST_ALERTS, MOST_LABELS, decode

NOW = micros(datetime(2026, 3, 4, 12, tzinfo=UTC))
GOOD: dict[str, Any] = {
    "status": "firing",
    "labels": {"alertname": "DiskFull"},
    "annotations": {"summary": "disk full"},
    "startsAt": "2026-03-04T12:58:00.123456789+01:00",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus.example/graph",
    "fingerprint": "1a30ba71cca2921f",
}
GRAFANA: dict[str, Any] = {
    **GOOD,
    "silenceURL": "https://grafana.example/alerting/silence/new",
    "dashboardURL": "",
    "panelURL": "javascript:alert(1)",
    "imageURL": "https://grafana.example/image.png",
    "values": {"B": 44.2, "C": 1},
    "valueString": "[ metric='' labels={} value=44.2 ]",
    "orgId": 1,
}


def body(*alerts: Any, **more: Any) -> bytes:
    return json.dumps({"version": "4", "alerts": list(alerts), **more}).encode()


def changed(**fields: Any) -> dict[str, Any]:
    return {**GOOD, **fields}


def test_a_firing_alert() -> None:
    [alert] = decode(body(GOOD), now=NOW).alerts
    assert (alert.fingerprint, alert.firing, alert.ends) == ("1a30ba71cca2921f", True, None)
    assert moment(alert.starts) == datetime(2026, 3, 4, 11, 58, 0, 123456, tzinfo=UTC)
    assert alert.links == {"generator": "http://prometheus.example/graph"}


def test_grafanas_links_are_addresses_of_pages() -> None:
    [alert] = decode(body(GRAFANA, orgId=1, state="alerting"), now=NOW).alerts
    assert sorted(alert.links) == ["generator", "image", "silence"]


def test_without_a_fingerprint_the_labels_make_one() -> None:
    named = {name: value for name, value in GOOD.items() if name != "fingerprint"}
    [first] = decode(body(named), now=NOW).alerts
    [second] = decode(body({**named, "status": "resolved"}), now=NOW).alerts
    other = decode(body({**named, "labels": {"alertname": "Other"}}), now=NOW).alerts[0]
    assert first.fingerprint == second.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("sent", "reason", "sentence"),
    [
        (b"", "empty", "the body is empty"),
        (b"   ", "empty", "the body is empty"),
        (b"<html>502</html>", "not-json", "the body is no JSON"),
        (body(GOOD)[:-40], "not-json", "the body is no JSON"),
        (b"\xff\xfe{\x00", "not-json", "the body is no JSON"),
        (b'{"alerts": "\xe9"}', "not-utf8", "the body is no UTF-8"),
        (b"[" * 100_000, "too-deep", "the body is nested too deeply"),
        (b" " * LARGEST + b"{}", "too-large", "the body is larger than 16 MiB"),
        (b"[]", "wrong-shape", "expected a webhook"),
        (b"null", "wrong-shape", "expected a webhook"),
        (b'{"alerts": {}}', "wrong-shape", "expected a webhook"),
        (body(7), "wrong-shape", "an alert is no object"),
        (body(changed(status="suppressed")), "wrong-shape", "status is 'suppressed'"),
        (body(changed(status=["firing"])), "wrong-shape", "neither firing nor resolved"),
        (body(changed(labels=["a"])), "wrong-shape", "`labels` is no object"),
        (body(changed(labels={}, fingerprint=3)), "wrong-shape", "neither fingerprint nor labels"),
        (body(changed(startsAt=None)), "no-time", "no `startsAt`"),
        (body(changed(startsAt="yesterday")), "bad-time", "startsAt is 'yesterday'"),
        (body(changed(startsAt="2026-03-04T12:00:00")), "bad-time", "expected a time such as"),
        (body(changed(startsAt=1e300)), "bad-time", "startsAt is '1e+300'"),
    ],
)
def test_an_unusable_body_says_why(sent: bytes, reason: str, sentence: str) -> None:
    with pytest.raises(DeliveryError) as error:
        decode(sent, now=NOW)
    assert (error.value.reason, sentence in str(error.value)) == (reason, True), str(error.value)


def test_a_bad_alert_leaves_the_others() -> None:
    delivery = decode(body(GOOD, {"status": "?"}, changed(startsAt="?")), now=NOW)
    assert [alert.fingerprint for alert in delivery.alerts] == ["1a30ba71cca2921f"]
    assert [str(problem.reason) for problem in delivery.problems] == ["wrong-shape", "bad-time"]


@pytest.mark.parametrize(
    ("written", "reason"),
    [("2027-01-01T00:00:00Z", "time-ahead"), ("1970-01-01T00:00:00Z", "time-too-old")],
)
def test_a_time_that_cannot_be_believed_is_now(written: str, reason: str) -> None:
    delivery = decode(body(changed(startsAt=written)), now=NOW)
    assert delivery.alerts[0].starts == NOW
    [problem] = delivery.problems
    assert (str(problem.reason), problem.refused) == (reason, False)


def test_long_texts_are_cut_and_said() -> None:
    labels = {"alertname": "x" * 1_000_000, **{f"l{number}": "v" for number in range(200)}}
    delivery = decode(body(changed(labels=labels)), now=NOW)
    [alert], [problem] = delivery.alerts, delivery.problems
    assert len(alert.labels["alertname"]) == LONGEST
    assert len(alert.labels) == MOST_LABELS
    assert "too long or too many: cut" in problem.detail
    assert len(str(problem.detail)) < 5_000


def test_characters_that_no_database_takes() -> None:
    sent = body(changed(annotations={"summary": "a\0b", "n\ud800": "\udc00"}))
    [alert] = decode(sent, now=NOW).alerts
    assert alert.annotations == {"summary": "a\N{REPLACEMENT CHARACTER}b", "n?": "?"}


def test_a_fingerprint_is_no_path() -> None:
    [alert] = decode(body(changed(fingerprint="device/lamp-1")), now=NOW).alerts
    assert "/" not in alert.fingerprint


def test_what_the_source_or_we_left_out_is_said() -> None:
    delivery = decode(body(*[GOOD] * (MOST_ALERTS + 1), truncatedAlerts=12), now=NOW)
    assert len(delivery.alerts) == MOST_ALERTS
    assert [str(problem.detail) for problem in delivery.problems] == [
        "the source left out 12 alerts of this group: raise its `max_alerts`",
        "20001 alerts at once; the first 20000 were taken",
    ]

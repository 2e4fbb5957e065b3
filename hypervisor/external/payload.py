"""Webhook bodies of Alertmanager (version 4) and Grafana as alerts; nothing in them is trusted."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from hypervisor.base.instants import micros
from hypervisor.external.model import Alert, Delivery, DeliveryError, Problem
from ingest.message import Reason
from sensors._errors import Message

LARGEST = 16 * 2**20  # bytes: some 20,000 alerts with usual labels
MOST_ALERTS = 20_000
MOST_LABELS = 64
LONGEST = 1_000  # characters of a label's value or a link
LONGEST_TEXT = 4_000  # characters of an annotation
_NAME = 200  # characters of a label's name
_AHEAD = 5 * 60_000_000  # µs that a source's clock may be ahead of ours
_BACK = 366 * 86_400_000_000  # µs that an alert may have begun before
_FINGERPRINT = re.compile(r"[\w-]{1,64}", re.ASCII)
_LINKS = {
    "generatorURL": "generator",
    "dashboardURL": "dashboard",
    "panelURL": "panel",
    "silenceURL": "silence",
    "imageURL": "image",
}
_NEVER = "0001-01-01"  # how Go writes a time that is not set


def decode(body: bytes, *, now: int) -> Delivery:
    """The alerts of a body; `now`: µs, on whose account times in the future are not believed.

    Raises DeliveryError: the body is no webhook of these.
    """
    document = _parse(body)
    written = document.get("alerts") if isinstance(document, dict) else None
    if not isinstance(written, list):
        raise DeliveryError(
            Reason.WRONG_SHAPE,
            "expected a webhook of Alertmanager or Grafana: an object with `alerts`",
        )
    alerts: list[Alert] = []
    problems = list(_list_losses(document, len(written)))
    for part in written[:MOST_ALERTS]:
        try:
            alerts.append(_read_alert(part, now, problems))
        except DeliveryError as error:
            problems.append(Problem(reason=error.reason, detail=error.args[0], part=part))
    if written and not alerts:
        raise DeliveryError(problems[0].reason, "{problem}", problems[0].detail)
    return Delivery(alerts=alerts, problems=problems)


def _parse(body: bytes) -> Any:
    if not body.strip():
        raise DeliveryError(Reason.EMPTY, "the body is empty")
    if len(body) > LARGEST:
        raise DeliveryError(
            Reason.TOO_LARGE,
            "the body is larger than {size} MiB: set `max_alerts` of the source's webhook",
            LARGEST // 2**20,
        )
    try:
        return json.loads(body)
    except UnicodeDecodeError:
        raise DeliveryError(Reason.NOT_UTF8, "the body is no UTF-8") from None
    except RecursionError:
        raise DeliveryError(Reason.TOO_DEEP, "the body is nested too deeply") from None
    except ValueError as error:
        raise DeliveryError(
            Reason.NOT_JSON, "the body is no JSON: {problem}", str(error)[:200]
        ) from None


def _list_losses(document: Mapping[str, Any], count: int) -> Iterator[Problem]:
    """Alerts that are not in the body, or beyond what is read of it."""
    lost = document.get("truncatedAlerts")
    if isinstance(lost, int) and lost > 0:
        yield Problem(
            reason=Reason.TOO_LARGE,
            detail=Message(
                "the source left out {count} alerts of this group: raise its `max_alerts`", lost
            ),
            refused=False,
        )
    if count > MOST_ALERTS:
        yield Problem(
            reason=Reason.TOO_LARGE,
            detail=Message(
                "{count} alerts at once; the first {most} were taken", count, MOST_ALERTS
            ),
        )


def _read_alert(part: Any, now: int, problems: list[Problem]) -> Alert:
    if not isinstance(part, dict):
        raise DeliveryError(Reason.WRONG_SHAPE, "an alert is no object")
    if part.get("status") not in ("firing", "resolved"):
        raise DeliveryError(
            Reason.WRONG_SHAPE,
            "an alert's status is {status!r}, neither firing nor resolved",
            _clean(part.get("status"), _NAME),
        )
    cut: list[str] = []
    labels = _read_texts(part, "labels", LONGEST, cut)
    annotations = _read_texts(part, "annotations", LONGEST_TEXT, cut)
    fingerprint = part.get("fingerprint")
    if not (isinstance(fingerprint, str) and _FINGERPRINT.fullmatch(fingerprint)):
        if not labels:
            raise DeliveryError(Reason.WRONG_SHAPE, "an alert has neither fingerprint nor labels")
        fingerprint = _make_fingerprint(labels)
    starts = _read_time(part, "startsAt", now, problems)
    if starts is None:
        raise DeliveryError(Reason.NO_TIME, "an alert has no `startsAt`")
    firing = part["status"] == "firing"
    if cut:
        what = Message(
            "{names} of alert {fingerprint} too long or too many: cut",
            ", ".join(dict.fromkeys(cut)),
            fingerprint,
        )
        problems.append(Problem(reason=Reason.TOO_LARGE, detail=what, refused=False))
    return Alert(
        fingerprint=fingerprint,
        firing=firing,
        starts=starts,
        ends=None if firing else _read_time(part, "endsAt", now, problems),
        labels=labels,
        annotations=annotations,
        links={
            name: _clean(part[key], LONGEST)
            for key, name in _LINKS.items()
            if isinstance(part.get(key), str) and part[key].startswith(("http://", "https://"))
        },
    )


def _read_texts(part: Mapping[str, Any], key: str, longest: int, cut: list[str]) -> dict[str, str]:
    """Names and texts, cut to what is kept."""
    written = part.get(key)
    if written is None:
        return {}
    if not isinstance(written, dict):
        raise DeliveryError(Reason.WRONG_SHAPE, "an alert's `{key}` is no object", key)
    texts: dict[str, str] = {}
    for name, value in written.items():
        text = value if isinstance(value, str) else json.dumps(value)
        if len(texts) == MOST_LABELS or len(name) > _NAME:
            cut.append(key)
            continue
        if len(text) > longest:
            cut.append(_clean(name, _NAME))
        texts[_clean(name, _NAME)] = _clean(text, longest)
    return texts


def _read_time(part: Mapping[str, Any], key: str, now: int, problems: list[Problem]) -> int | None:
    """µs; None: not set. A time that cannot be believed is taken as now, and said."""
    written = part.get(key)
    if written is None or written == "" or str(written).startswith(_NEVER):
        return None
    try:
        time = datetime.fromisoformat(str(written))
        at = micros(time) if time.tzinfo else None
    except (ValueError, OverflowError):
        at = None
    if at is None:
        raise DeliveryError(
            Reason.BAD_TIME,
            "{key} is {written!r}: expected a time such as 2026-01-31T12:00:00Z",
            key,
            _clean(written, _NAME),
        )
    if now - _BACK <= at <= now + _AHEAD:
        return min(at, now)
    reason = Reason.TIME_AHEAD if at > now else Reason.TIME_TOO_OLD
    detail = Message(
        "{key} is {written}: taken as now. Is the source's clock right?",
        key,
        _clean(written, _NAME),
    )
    problems.append(Problem(reason=reason, detail=detail, part=part, refused=False))
    return now


def _make_fingerprint(labels: Mapping[str, str]) -> str:
    """Stable for the same labels, as that of a source that names none."""
    return sha256(json.dumps(sorted(labels.items())).encode()).hexdigest()[:16]


def _clean(value: object, longest: int) -> str:
    """A text that the database takes: no NUL, no half of a surrogate pair."""
    text = (
        str(value)[: longest + 1]
        .encode("utf-8", "replace")
        .decode()
        .replace("\0", "\N{REPLACEMENT CHARACTER}")
    )
    return text if len(text) <= longest else text[: longest - 1] + "…"

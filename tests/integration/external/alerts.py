"""Webhook bodies as Alertmanager and Grafana write them."""

from datetime import datetime, timedelta
from typing import Any

from tests.integration.external.conftest import BEGIN

NEVER = "0001-01-01T00:00:00Z"


def alert(
    name: str = "DiskFull",
    *,
    starts: float = 0,
    ends: float | None = None,
    fingerprint: str | None = "1a30ba71cca2921f",
    **labels: str,
) -> dict[str, Any]:
    """One alert; times in minutes after BEGIN."""
    named = {"alertname": name, "instance": "srv1:9100", "severity": "warning", **labels}
    made: dict[str, Any] = {
        "status": "firing" if ends is None else "resolved",
        "labels": named,
        "annotations": {"summary": f"{name} on srv1", "description": "Free some space."},
        "startsAt": write(starts),
        "endsAt": NEVER if ends is None else write(ends),
        "generatorURL": "http://prometheus.example:9090/graph?g0.expr=up",
    }
    return made if fingerprint is None else {**made, "fingerprint": fingerprint}


def write(minutes: float) -> str:
    """As Go writes a time: nanoseconds and an offset."""
    at: datetime = BEGIN + timedelta(minutes=minutes)
    return at.strftime("%Y-%m-%dT%H:%M:%S") + ".000000789+00:00"


def delivery(*alerts: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Alertmanager's webhook, version 4."""
    firing = any(each["status"] == "firing" for each in alerts)
    return {
        "version": "4",
        "groupKey": '{}:{alertname="DiskFull"}',
        "truncatedAlerts": 0,
        "status": "firing" if firing else "resolved",
        "receiver": "hypervisor",
        "groupLabels": {"alertname": "DiskFull"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example:9093",
        "alerts": list(alerts),
        **more,
    }

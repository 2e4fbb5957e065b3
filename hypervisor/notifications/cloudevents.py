"""CloudEvents 1.0 around a notification: all in one JSON object, or in headers beside our JSON.

Attributes and their encoding in headers: the specification's HTTP protocol binding.
"""

import json
from collections.abc import Mapping
from urllib.parse import quote

from hypervisor.notifications.model import Message

STRUCTURED = "application/cloudevents+json; charset=utf-8"
_ORIGIN = "territory-hypervisor"
_SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')  # in a header


def describe(message: Message) -> dict[str, str | bool]:
    """The attributes of its event; `id` is the key of the delivery.

    An exercise has a type and a source of its own, so that no filter on live events takes it.
    """
    data = message.data
    alarm = data.get("alarm")
    about = "alarm" if alarm is not None else "order" if "order" in data else "system"
    kind = [_ORIGIN, about, data["event"].replace(" ", "-")]
    source = ["", _ORIGIN, quote(data["instance"], safe="")]
    if data["exercise"]:
        kind.insert(1, "exercise")
        source.insert(2, "exercise")
    attributes: dict[str, str | bool] = {
        "specversion": "1.0",
        "id": data["key"],
        "source": "/".join(source),
        "type": ".".join(kind),
        "time": data["at"],
        "datacontenttype": "application/json",
        "exercise": data["exercise"],
    }
    if alarm is not None:
        attributes |= {"subject": alarm["subject"], "severity": data["severity"]}
    return attributes


def encode(message: Message, body: Mapping[str, object]) -> bytes:
    """In structured mode: attributes and data in one object."""
    return json.dumps({**describe(message), "data": body}, ensure_ascii=False).encode()


def build_headers(message: Message) -> dict[str, str]:
    """In binary mode: attributes as headers, but that of the content's type."""
    attributes = describe(message)
    del attributes["datacontenttype"]
    return {f"ce-{name}": _write(value) for name, value in attributes.items()}


def _write(value: object) -> str:
    return quote(str(value).lower() if isinstance(value, bool) else str(value), safe=_SAFE)

"""Keys that took another name go out under the old one, too, and the API's description says so."""

from datetime import datetime

from hypervisor.app.openapi import example
from hypervisor.web.schemas import Body, old_key


class Progress(Body):
    """Three keys, one of them old."""

    watermark: datetime | None
    heard_to = old_key("watermark", datetime | None)


def test_both_keys_go_out() -> None:
    answer = Progress(mode="LIVE", watermark=None).model_dump(mode="json")
    assert answer == {"mode": "LIVE", "watermark": None, "heard_to": None}


def test_the_old_one_is_deprecated_and_in_no_example() -> None:
    schema = Progress.model_json_schema(mode="serialization")
    assert {name for name, key in schema["properties"].items() if key.get("deprecated")} == {
        "heard_to"
    }
    assert "`watermark`" in schema["properties"]["heard_to"]["description"]
    assert set(example(schema, {})) == {"mode", "watermark"}

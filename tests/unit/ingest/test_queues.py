"""Topics of MQTT and keys of AMQP: what the broker makes of one is read back from the other."""

import re

import pytest

from ingest.queues import to_pattern, to_topic
from ingest.topics import FILTERS, PLAYED


@pytest.mark.parametrize(
    "topic",
    [
        "devices/gauge-1/readings",
        "devices/gauge.1/readings",
        "devices/a..b.readings/senml",
        "gateways/gw/senml",
        "gateways/gw/devices/plc.1.x/readings",
        "gateways/gw/application/x/device/y/event/up",
        "gateways/gw/v3/app@tenant/devices/d/up",
        "devices/gauge-1/commands/key/ack",
        "exercise/devices/gauge.1/readings",
        "exercise/clock",
    ],
)
def test_a_topic_comes_back(topic: str) -> None:
    assert to_topic(topic.replace("/", ".")) == topic  # the broker leaves dots as they are


@pytest.mark.parametrize("topic_filter", [*FILTERS, *(f"{PLAYED}{each}" for each in FILTERS)])
def test_a_pattern_takes_what_the_filter_takes(topic_filter: str) -> None:
    pattern = to_pattern(topic_filter)
    expression = re.escape(pattern).replace(r"\*", "[^.]+").replace(r"\#", ".+")
    assert re.fullmatch(expression, topic_filter.replace("+", "name").replace("/", "."))


def test_a_device_behind_a_gateway_may_have_dots_in_its_name() -> None:
    assert to_pattern("gateways/+/devices/+/readings") == "gateways.*.devices.#.readings"


def test_a_pattern_without_a_name() -> None:
    assert to_pattern("exercise/clock") == "exercise.clock"
    assert to_pattern("devices/+/commands/+/ack") == "devices.*.commands.*.ack"

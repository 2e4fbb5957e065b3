"""The pace of a gateway, and where a device behind it is reached."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hypervisor.base.instance import Mode
from hypervisor.commands.gateways import GatewayDevice, find_wait
from hypervisor.commands.pacing import Pacer
from hypervisor.commands.wire import OutgoingCommand, read_key, topics_of
from ingest.downlink import Downlink
from sensors._domain import DeviceModel

NODE = GatewayDevice(
    name="node",
    model="lamp-node",
    codec=None,
    address="A8404100000000F1",
    properties={},
    gateway="lora",
    protocol="chirpstack",
    gateway_properties={"application": "7", "downlinks_per_second": 2},
)
MODEL = DeviceModel(name="lamp-node", vendor="v", quantities=())
COMMAND = OutgoingCommand(
    id=UUID("7b0c2f0e-5f5e-4c52-9a57-0d9d3b1f7a11"),
    device="node",
    kind="dim",
    parameters={"level": 40.0},
    valid_until=datetime(2026, 1, 15, 10, 10, tzinfo=UTC),
    remaining=600,
)


def send(pacer: Pacer, rate: float, *, grouped: bool) -> int:
    """Send all that is free; how many."""
    count = pacer.count_free("lora", rate, grouped=grouped)
    for _ in range(count):
        pacer.spend("lora")
    return count


@pytest.mark.parametrize(("rate", "step"), [(0.5, 0.5), (4.0, 0.5), (4.0, 0.01), (100.0, 0.3)])
def test_a_group_keeps_to_the_rate_however_often_it_is_looked_at(rate: float, step: float) -> None:
    now = 0.0
    pacer = Pacer(lambda: now)
    sent = 0
    while now < 100:
        sent += send(pacer, rate, grouped=True)
        assert sent <= rate * now + max(1.0, rate)
        now += step
    assert sent == pytest.approx(rate * 100, abs=max(2.0, rate))


def test_a_single_command_does_not_wait_for_a_group_and_idle_time_is_not_saved_up() -> None:
    now = 0.0
    pacer = Pacer(lambda: now)
    for _ in range(1200):
        send(pacer, 0.5, grouped=True)
        assert pacer.count_free("lora", 0.5, grouped=False) >= 1
        now += 0.5
    assert send(pacer, 0.5, grouped=False) >= 1
    now += 3600
    assert send(pacer, 0.5, grouped=False) == 2
    assert pacer.count_free("other", 0.5, grouped=False) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, None),
        ({"protocol": "senml"}, "takes no commands"),
        ({"gateway_properties": {}}, "does not say under which application"),
        ({"gateway_properties": {"application": "a/b"}}, "under which application"),
        ({"gateway_properties": {"application": "#"}}, "under which application"),
        ({"address": "lamp-17"}, "no DevEUI"),
        ({"protocol": "the-things-stack", "address": "lamp/17"}, "no device id"),
        ({"properties": {"class": "D"}}, "expected A, B or C"),
        ({"properties": {"application": "own"}, "gateway_properties": {}}, None),
    ],
)
def test_why_a_device_cannot_be_reached(change: dict[str, object], words: str | None) -> None:
    refusal = replace(NODE, **change).refuse(MODEL)  # type: ignore[arg-type]
    assert (words is None and refusal is None) or (words or "-") in str(refusal)


def test_class_and_rate_are_data_of_the_device_the_gateway_or_its_model() -> None:
    hour = timedelta(hours=1)
    assert find_wait(NODE, MODEL, hour) == hour
    assert find_wait(NODE, None, hour) == hour
    assert find_wait(NODE, replace(MODEL, lorawan_class="C"), hour) == timedelta()
    assert find_wait(replace(NODE, properties={"class": "B"}), MODEL, hour) == timedelta()
    assert find_wait(NODE, MODEL, None) == timedelta()
    assert NODE.rate(0.5) == 2
    for wrong in ("2", True, 0, -1, None, 1e9):
        assert replace(NODE, gateway_properties={"downlinks_per_second": wrong}).rate(0.5) == 0.5


@pytest.mark.parametrize(
    ("change", "topic"),
    [
        ({}, "gateways/lora/application/7/device/a8404100000000f1/command/down"),
        (
            {"protocol": "the-things-stack"},
            "gateways/lora/v3/7/devices/eui-a8404100000000f1/down/push",
        ),
        (
            {"protocol": "the-things-stack", "properties": {"device_id": "dev1"}},
            "gateways/lora/v3/7/devices/dev1/down/push",
        ),
    ],
)
def test_where_it_goes_and_its_key_comes_back(change: dict[str, object], topic: str) -> None:
    device = replace(NODE, **change)  # type: ignore[arg-type]
    message = topics_of(Mode.LIVE).write_downlink(COMMAND, device, Downlink(port=1, payload=b"\1"))
    assert message.topic == topic
    assert read_key(message.body) == COMMAND.id
    played = topics_of(Mode.EXERCISE).write_downlink(COMMAND, device, Downlink(port=1, object_={}))
    assert played.topic == f"exercise/{topic}"


@pytest.mark.parametrize(
    "make",
    [
        lambda: b"",
        lambda: b"[" * 100_000,
        lambda: b"3",
        lambda: json.dumps({"downlinks": []}).encode(),
        lambda: json.dumps({"downlinks": [{"correlation_ids": [3]}]}).encode(),
        lambda: json.dumps({"id": None}).encode(),
    ],
)
def test_what_is_no_command_has_no_key(make: Callable[[], bytes]) -> None:
    assert read_key(make()) is None

"""A device replaced and a zero moved: what is said of the new one, and what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from hypervisor.registry.changes import apply_changes
from hypervisor.registry.datum_shift import DatumShift, ShiftError, shift_datum
from hypervisor.registry.device_replacement import ReplaceError, Successor, replace_device
from hypervisor.registry.model import Registry
from tests.unit.registry.field import CATALOGUE, FIELD, NOW, built, change, values

AT = datetime(2025, 6, 1, 9, 30, tzinfo=UTC)


def replaced(old: str, registry: Registry | None = None, **said: Any) -> Registry:
    before = registry or built(FIELD)
    new = Successor(**{"name": "new", "old": old, "at": AT, **said})
    inventory = replace_device(before, new, now=NOW, catalogue=CATALOGUE)
    return apply_changes(before, change(inventory, registry=before))


def test_the_successor_measures_as_the_old_one_did() -> None:
    found = replaced("gauge")
    assert (found.devices["gauge"].retired, found.devices["new"].commissioned) == (AT, AT)
    assert found.devices["new"].site == "gif"
    level = found.series["new", "level"]
    assert (level.low, level.high, level.saturates) == (-1, 4, 3.5)
    facts = [revision for revision in found.revisions if revision.effective == AT]
    assert {(fact.kind, fact.key): fact.value for fact in facts} == {
        ("device", "gauge"): {"in_service": False},
        ("device", "new"): {"in_service": True},
        ("series", "new/level"): values(found, "series")["gauge/level"],
        ("series", "new/battery"): values(found, "series")["gauge/battery"],
        ("series", "new/clock_fault"): values(found, "series")["gauge/clock_fault"],
    }
    assert {(fact.author, fact.reason) for fact in facts} == {("ann", "why")}
    assert values(found, "series")["new/level"] == {
        "interval_s": 300.0,
        "stale_s": 900.0,
        "reporting": "periodic",
    }


def test_a_lamp_is_followed_in_its_group_with_its_rating_and_its_radio() -> None:
    found = replaced("lamp-1", keeps_address=True)
    assert values(found, "member") == {"cab/lamp-1": None, "cab/lamp-2": {}, "cab/new": {}}
    assert values(found, "threshold")["device/new/lamp_rated_power"] == {
        "value": 60.0,
        "unit": "W",
        "quantity": "lamp_power",
    }
    old, new = found.devices["lamp-1"], found.devices["new"]
    assert (old.gateway, old.address) == (None, None)
    assert (new.gateway, new.address, new.lon) == ("lora", "70b3d57ed0000001", 2.181)
    assert new.properties == {"pole": 12.0}


def test_another_model_measures_what_it_does() -> None:
    found = replaced("gauge", model="rated-gauge")
    quantities = {quantity for device, quantity in found.series if device == "new"}
    assert quantities == {*CATALOGUE.models["rated-gauge"].quantities, "clock_fault"}
    assert found.series["new", "level"].high == 4, "the river is the same"
    assert found.series["new", "level"].saturates is None, "the instrument is not"


def test_ways_to_speak() -> None:
    fresh = replaced("lamp-1", address="70B3D57ED00000FF")
    assert fresh.devices["new"].address == "70b3d57ed00000ff"
    assert fresh.devices["lamp-1"].address == "70b3d57ed0000001", "it was that one's"
    assert replaced("lamp-1", own_account=True).devices["new"].gateway is None
    assert replaced("lamp-2").devices["new"].address == "new"
    moved = replaced("gauge", gateway="lora", address="70b3d57ed00000ff").devices["new"]
    assert moved.gateway == "lora"


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("gauge", {"name": "cab-box"}, "'cab-box' is taken"),
    ("gauge", {"name": "lora"}, "'lora' is taken"),
    ("gouge", {}, "'gouge' is no device; did you mean 'gauge'?"),
    ("gauge", {"at": datetime(2027, 1, 1, tzinfo=UTC)}, "has not come yet .* works add"),
    ("gauge", {"at": datetime(2014, 1, 1, tzinfo=UTC)}, "was commissioned on 2015"),
    ("gauge", {"model": "radar-gouge"}, "did you mean 'radar-gauge'?"),
    ("gauge", {"model": "tipping-bucket"}, "measures nothing of what gauge did"),
    ("gauge", {"address": "1"}, "an address needs a --gateway"),
    ("lamp-1", {}, "say how the new one does: --address"),
    ("lamp-1", {"keeps_address": True, "gateway": "box"}, "no address at box"),
    ("lamp-1", {"own_account": True, "address": "1"}, "no gateway and no address"),
]


@pytest.mark.parametrize(("old", "said", "why"), REFUSED, ids=[why for _, _, why in REFUSED])
def test_refused(old: str, said: dict[str, Any], why: str) -> None:
    with pytest.raises(ReplaceError, match=why):
        replaced(old, **said)


def test_what_is_retired_is_not_replaced_again() -> None:
    with pytest.raises(ReplaceError, match="retired since 2025-06-01"):
        replaced("gauge", registry=replaced("gauge"), name="newer")


def moved(registry: Registry | None = None, **said: Any) -> Registry:
    found = registry or built(FIELD)
    shift = DatumShift(**{"site": "gif", "at": AT, **said})
    for inventory in shift_datum(found, shift, now=NOW, catalogue=CATALOGUE):
        found = apply_changes(found, change(inventory, registry=found))
    return found


def levels(registry: Registry) -> dict[str, float]:
    found = {
        key: value["value"]
        for key, value in values(registry, "threshold").items()
        if value is not None and key.startswith("gif/")
    }
    reach = values(registry, "reach")["rd188"]
    return found | {"reach": reach["level"] if reach else 0.0}


@pytest.mark.parametrize("said", [{"zero": 48.73}, {"by": 0.12}, {"zero": 48.73, "by": 0.12}])
def test_the_same_water_raises_the_same_alarm(said: dict[str, Any]) -> None:
    found = moved(**said)
    assert values(found, "datum") == {"gif": {"zero": 48.73, "unit": "m"}}
    assert levels(found) == {
        "gif/attention": 1.38,
        "gif/alert": 1.88,
        "gif/rise": 0.04,
        "reach": 1.78,
    }
    series = found.series["gauge", "level"]
    assert (series.low, series.high, series.saturates) == (-1.12, 3.88, 3.38)
    new = [revision for revision in found.revisions if revision.effective == AT]
    assert len(new) == 4
    assert {revision.illustrative for revision in new if revision.key == "gif/alert"} == {True}


def test_thresholds_that_speak_of_the_new_zero_stay() -> None:
    found = moved(by=0.12, keep_thresholds=True)
    assert levels(found) == levels(built(FIELD))
    assert found.series["gauge", "level"].high == 4


def test_there_and_back_again() -> None:
    there = moved(by=0.12)
    back = moved(there, by=-0.12, at=datetime(2025, 7, 1, tzinfo=UTC))
    assert levels(back) == levels(built(FIELD))


def test_a_zero_that_nobody_had_said() -> None:
    unsaid = built(FIELD.replace("    datum: 48.61 m\n", ""))
    with pytest.raises(ShiftError, match=r"is not known .* give both"):
        moved(unsaid, by=0.12)
    found = moved(unsaid, zero=48.73, by=0.12)
    zeros = [
        (revision.effective.year, revision.value)
        for revision in found.revisions
        if revision.kind == "datum"
    ]
    assert zeros == [
        (2015, {"zero": 48.61, "unit": "m"}),
        (2025, {"zero": 48.73, "unit": "m"}),
    ]


NOT_SHIFTED: list[tuple[dict[str, Any], str]] = [
    ({}, "say where the zero is now"),
    ({"by": 0.0}, "is 48.61 m already"),
    ({"zero": 48.73, "by": 0.2}, r"would move it by \+0.12 m, not by \+0.2 m"),
    ({"by": 48.73}, "outside what level can be"),
    ({"site": "cab", "by": 0.1}, "'cab' is no site where a level is measured"),
    ({"by": 0.1, "at": datetime(2027, 1, 1, tzinfo=UTC)}, "has not come yet"),
]


@pytest.mark.parametrize(("said", "why"), NOT_SHIFTED, ids=[why for _, why in NOT_SHIFTED])
def test_not_shifted(said: dict[str, Any], why: str) -> None:
    with pytest.raises((ShiftError, ReplaceError), match=why):
        moved(**said)


def test_a_threshold_said_anew_since_is_of_nobody_knows_which_zero() -> None:
    found = built(FIELD)
    later = "sites: [{name: gif, thresholds: {alert: {value: 1.9 m, effective: 2025-08-01}}}]"
    found = apply_changes(found, change(later, registry=found))
    with pytest.raises(ShiftError, match="gif/alert was changed again from 2025-08-01"):
        moved(found, by=0.12)
    assert values(moved(found, by=0.12, keep_thresholds=True), "datum")["gif"] == {
        "zero": 48.73,
        "unit": "m",
    }


@pytest.mark.parametrize("name", ["", "a b", "a\x01b", "a/b", "\u202ea", "#", "x" * 65])
def test_a_successor_has_a_name_as_an_inventory_would_take_it(name: str) -> None:
    with pytest.raises(ReplaceError, match="cannot be a name"):
        replaced("gauge", name=name)

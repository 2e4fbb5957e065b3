"""Rules through their revisions: where they apply, by what they are judged, whom they listen to."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypervisor.base.instants import BEGINNING, micros
from hypervisor.evaluation import facts, rule_histories
from hypervisor.evaluation.facts import SubjectFacts, Supply, UpstreamFacts
from hypervisor.evaluation.rule_histories import RuleHistory, first_series, listens_to
from hypervisor.registry.model import Revision
from rules._inputs import Device
from rules._pack import load_pack
from rules._rule import Rule
from sensors._domain import catalogue

DAY = datetime(2024, 1, 1, tzinfo=UTC)
CATALOGUE = catalogue()
COMMON = CATALOGUE.common


def at(hours: float) -> int:
    return micros(DAY + timedelta(hours=hours))


def rule(when: str = "level > threshold.attention", **more: str) -> Rule:
    domain = more.pop("domain", "flood")
    written = {"id": f"{domain}-x", "title": "'{site}'", "severity": "major", **more}
    lines = [f"{key}: {value}" for key, value in written.items()]
    text = "- " + "\n  ".join([*lines, f"when: {when}", "advice: look", "wrong when: never"])
    return load_pack(f"{text}\n  tests: []\n", file="x.yaml", domain=domain).rules[0]


def says(value: Mapping[str, Any] | None, hours: float = 0, *, key: str = "flood-x") -> Revision:
    return Revision(
        kind="rule",
        key=key,
        value=value,
        effective=DAY + timedelta(hours=hours),
        author="test",
        reason="test",
    )


def histories(*revisions: Revision) -> dict[str, RuleHistory]:
    return rule_histories.histories(revisions, COMMON)


def history(*revisions: Revision | Rule) -> RuleHistory:
    made = [each if isinstance(each, Revision) else says(each.to_json()) for each in revisions]
    return histories(*made)["flood-x"]


def measured(number: int, name: str, device: str = "gauge", **more: Any) -> facts.SeriesFacts:
    written = Revision(
        kind="series", key="", value=more, effective=DAY, author="test", reason="test"
    )
    return facts.series(number, device, CATALOGUE.quantities[name], [written] if more else [])


def subject(*names: str, thresholds: tuple[str, ...] = ("attention",), **more: Any) -> SubjectFacts:
    return SubjectFacts(
        **{
            "key": "orge",
            "per": "site",
            "domain": "flood",
            "site": 1,
            "place": "orge",
            "titles": {},
            "series": {name: measured(number, name) for number, name in enumerate(names, 1)},
            "devices": {},
            "thresholds": {name: facts.steps({0: 1.0}) for name in thresholds},
            **more,
        }
    )


def test_a_rule_has_its_revisions_by_when_they_hold_and_of_one_time_the_later() -> None:
    low, high = rule("level > 1 m"), rule("level > 2 m")
    first, second = says(high.to_json(), 2), says(low.to_json(), 1)
    result = history(first, second, says(None, 3), says(low.to_json(), 2))
    assert result.revisions == ((at(1), low), (at(2), low), (at(3), None))
    assert result.written == (
        *((at(1), low.to_json()), (at(2), low.to_json())),
        (at(3), None),
    )
    assert result.evaluated == ((at(1), low), (at(3), None))
    assert result.rules == [low, low]
    assert sorted(histories(first, says(low.to_json(), key="flood-a"))) == ["flood-a", "flood-x"]
    other = replace(first, kind="threshold")
    assert histories(other) == {}


def test_a_new_title_is_judged_as_the_old_one() -> None:
    plain, renamed = rule("level > 1 m"), rule("level > 1 m", title="'{site} high'")
    result = history(says(plain.to_json(), 1), says(renamed.to_json(), 2), says(None, 3))
    assert [when for when, _ in result.evaluated] == [at(1), at(3)]
    assert result.at(at(2) - 1).title == "{site}"
    assert result.at(at(2)).title == "{site} high"
    assert result.at(at(9)).title == "{site} high"
    assert result.at(at(-9)).title == "{site}"  # before all


def test_a_revision_that_cannot_be_read_is_none_and_told_if_it_is_the_latest() -> None:
    good, bad = rule("level > 1 m"), {"id": "flood-x", "domain": "flood", "when": "nothing ("}
    mended = history(says(bad, 1), says(good.to_json(), 2))
    assert (mended.revisions, mended.problem) == (((at(2), good),), None)
    broken = history(says(good.to_json(), 1), says(bad, 2))
    assert broken.revisions == ((at(1), good),)
    assert broken.problem is not None
    assert [when for when, _ in broken.written] == [at(1), at(2)]


def test_what_a_rule_asks_for() -> None:
    plain = history(rule())
    assert (plain.silence, plain.asks_of_devices, plain.planned) == (False, False, False)
    assert (plain.afar, plain.kinds) == (frozenset[str](), frozenset({"site"}))
    silent = history(rule("silent(level, 30 min)"))
    assert (silent.silence, silent.asks_of_devices) == (True, False)
    assert history(rule("silent(device, 30 min)")).asks_of_devices
    lit = rule("light_level > 50 % and not planned_on", domain="lighting", per="device")
    planned = history(lit)
    assert (planned.planned, planned.kinds) == (True, frozenset({"device"}))
    assert history(rule("upstream(level > 2 m)")).afar == {"level"}
    both = history(says(rule("silent(level, 30 min)").to_json(), 1), says(rule().to_json(), 2))
    assert not both.silence  # as its latest
    gone = history(says(rule("silent(level, 30 min)").to_json(), 1), says(None, 2))
    assert gone.silence


def test_what_a_subject_lacks_is_said_in_words() -> None:
    def lacks(each: Rule, result: SubjectFacts) -> str | None:
        return rule_histories.lacks(each, result)

    assert lacks(rule(), subject("level")) is None
    assert lacks(rule(), subject()) == "no series level"
    assert lacks(rule(), subject("level", thresholds=())) == "no threshold attention"
    assert lacks(rule(per="device"), subject("level")) == "it is a site"
    afar = rule("upstream(level > 2 m)")
    assert lacks(afar, subject("level")) == "nothing upstream measures level"
    above = UpstreamFacts(
        site="up", lag=facts.steps({0: 1.0}), series={"level": measured(9, "level")},
        devices={}, thresholds={},
    )  # fmt: skip
    assert lacks(afar, subject("discharge", upstream=(above,))) is None
    lit = rule("light_level > 50 % and not planned_on", domain="lighting")
    assert lacks(lit, subject("light_level")) == "no lighting plan"
    supply = Supply(plans=(), place=(0.0, 0.0))
    assert lacks(lit, subject("light_level", lighting=supply)) is None
    share = rule("share(light_level < 50 %) >= 0.5", domain="lighting", per="group")
    group: dict[str, Any] = {"per": "group", "domain": "lighting"}
    assert lacks(share, subject(**group)) == "no member measures light_level"
    assert lacks(share, subject(**group, group={"light_level": ("light_level@a",)})) is None


def test_a_rule_of_what_every_device_tells_applies_in_its_own_domain_only() -> None:
    battery = rule("battery < 20 %")
    result = history(battery)
    assert result.lacks(battery, subject("battery")) is None
    elsewhere = subject("battery", domain="weather")
    assert result.lacks(battery, elsewhere) == "it is of the domain weather"
    level = rule("level > 1 m")
    assert history(level).lacks(level, subject("level", domain="weather")) is None


def test_revisions_that_lack_something_at_a_subject_are_withdrawn_there() -> None:
    rain, level = rule("catchment_rain > 1 mm"), rule("level > 1 m")
    result = history(says(rain.to_json(), 1), says(level.to_json(), 2))
    assert result.for_subject(subject("level")) == ((at(1), None), (at(2), level))
    assert result.for_subject(subject("catchment_rain")) == ((at(1), rain), (at(2), None))


def test_from_when_on_two_devices_measure_what_it_asks_for_no_rule_is() -> None:
    level, rain = rule("level > 1 m"), rule("level > 1 m and catchment_rain > 1 mm")
    result = history(says(level.to_json(), 1), says(rain.to_json(), 3))
    both = ("level", "catchment_rain")
    assert result.for_subject(subject(*both, doubled={"battery": at(0)})) == (
        *((at(1), level), (at(3), rain)),
    )
    assert result.for_subject(subject(*both, doubled={"level": at(2)})) == (
        *((at(1), level), (at(2), None)),
    )
    assert result.for_subject(
        subject(*both, doubled={"level": at(3), "catchment_rain": at(5)})
    ) == (*((at(1), level), (at(3), None)),)
    alone = subject("level", doubled={"catchment_rain": at(2)})
    assert result.for_subject(alone) == ((at(1), level), (at(3), None))


def test_the_first_series_of_its_condition_speaks_for_a_rule() -> None:
    assert first_series(rule("threshold.attention < level and discharge > 1 m3/s")) == "level"
    assert first_series(rule("silent(device, 30 min) and battery < 2 %")) == "battery"
    assert first_series(rule("silent(device, 30 min)")) is None


def heard(each: Rule, result: SubjectFacts) -> set[str]:
    return listens_to(history(each), [each], result)


def test_a_rule_listens_to_what_it_names_and_to_every_sign_of_life() -> None:
    plain = subject("level", "battery")
    assert heard(rule(), plain) == {"level"}
    often = {
        "level": measured(1, "level", reporting="on_change"),
        "battery": measured(2, "battery"),
    }
    other = {**often, "battery@b": measured(3, "battery", "b")}
    assert heard(rule(), subject(series=other)) == {"level", "battery"}
    assert heard(rule("battery < 2 %"), subject(series=other)) == {"battery"}
    device = Device(commissioned=0, in_service=facts.steps({BEGINNING: 1.0}))
    asking = rule("silent(device, 30 min)")
    assert heard(asking, subject(series=other, devices={"b": device})) == {"battery@b"}
    assert heard(asking, subject(series=other, devices={"b": device, "gauge": device})) == {
        *other,
    }


def test_a_word_of_a_group_is_all_of_its_members() -> None:
    share = rule("share(light_level < 50 %) >= 0.5", domain="lighting", per="group")
    series = {
        "light_level@a": measured(1, "light_level", "a"),
        "light_level@b": measured(2, "light_level", "b"),
        "light_level": measured(3, "light_level", "c"),
        "battery@a": measured(4, "battery", "a"),
    }
    keys = ("light_level@a", "light_level@b", "light_level@gone")
    group = subject(series=series, per="group", domain="lighting", group={"light_level": keys})
    assert heard(share, group) == {"light_level@a", "light_level@b", "light_level"}

"""What a rule says of how its alarms are told, to whom it says it, and how late it can be."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from rules._duration import HOUR, SECOND
from rules._errors import RuleError
from rules._lateness import Lateness, SiteFacts, applies, lateness, warnings
from rules._pack import load_pack
from rules._rule import Chatter, Rule

MINUTE = 60 * SECOND

PACK = """
- id: DOMAIN-x
  title: "{site}: x"
  when: WHEN
  severity: minor
  advice: Look.
  wrong when: It is not so.
  tests: []
"""


def rule(when: str = "level > 3 m", more: str = "", *, domain: str = "flood") -> Rule:
    """A rule with these further lines, from the eighth on."""
    text = PACK.replace("WHEN", when).replace("DOMAIN", domain) + more
    (found,) = load_pack(text, file="f", domain=domain).rules
    return found


def slip(when: str = "level > 3 m", more: str = "") -> str:
    with pytest.raises(RuleError) as caught:
        rule(when, more)
    return str(caught.value).removeprefix("f:")


def test_how_alarms_are_told_is_read() -> None:
    more = """
  inhibits: []
  group by: site
  labels: {crew: north, "on": "1"}
  remind: 30 min
  escalate: 1 h
  grace: 0 s
  chatter: 2 in 1 h
"""
    found = rule(more=more)
    assert found.inhibits == ()
    assert found.group_by == found.grouping == "site"
    assert found.labels == {"crew": "north", "on": "1"}
    assert (found.remind, found.escalate, found.grace) == (30 * MINUTE, HOUR, 0)
    assert found.chatter == Chatter(count=2, span=HOUR)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("  chatter: 1 in 1 h\n", "9:12: '1 in 1 h' is not a chatter limit; expected alarms in a"),
        ("  chatter: 5 in 1\n", "9:12: 1 has no unit"),
        ("  remind: 0 s\n", "9:11: remind needs a duration above zero"),
        ("  escalate: 0 min\n", "9:13: escalate needs a duration above zero"),
        ("  group by: rivre\n", "9:13: unknown group by 'rivre'; did you mean 'river'?"),
        ("  group by: [river]\n", "9:13: expected what groups alarms; found a list"),
        ("  labels: [a]\n", "9:11: expected labels, a mapping; found a list"),
        ("  labels: {a: [b]}\n", "9:15: expected label a; found a list"),
        ("  inhibits: [flood-y, flood-y]\n", "9:23: 'flood-y' appears twice"),
        ("  inhibits: [[flood-y]]\n", "9:14: expected a rule's id; found a list"),
        ("  inhibits: x\n", "9:13: expected the ids of the rules that it inhibits, a list; found"),
        ("  steps: [{severity: major}]\n", "9:11: a step needs `when`"),
        ("  steps: [{when: level > 4 m}]\n", "9:11: a step needs `severity`"),
        ("  steps: [{svrity: x}]\n", "9:12: a step has no 'svrity'; did you mean 'severity'?"),
        ("  steps: [{severity: maojr, when: level > 4 m}]\n", "unknown severity 'maojr'; did you"),
        ("  steps: {a: 1}\n", "9:10: expected steps, a list; found a mapping"),
        ("  per: sites\n", "9:8: unknown per 'sites'; did you mean 'site'?"),
        ("  category: hzard\n", "9:13: unknown category 'hzard'; did you mean 'hazard'?"),
        ("  for: [1]\n", "9:8: expected a duration; found a list"),
        ("  clear: [1]\n", "9:10: expected a condition; found a list"),
        ("  fr: {advice: 'de {lieu}'}\n", "9:20: no {lieu}; expected one of site"),
        ("  fr: {advice: 'de {group}'}\n", "9:20: no {group}; a rule per site names site"),
    ],
)
def test_a_slip_in_how_alarms_are_told_is_told(more: str, told: str) -> None:
    assert told in slip(more=more)


@pytest.mark.parametrize(
    ("per", "title", "told"),
    [
        ("device", "{device} of {site}, {group}", ""),
        ("group", "{group} at {site}", ""),
        ("group", "{device}", "no {device}; a rule per group names site or group"),
        ("device", "{lamp}", "no {lamp}; expected one of device, group, site"),
        ("device", "{sit}", "no {sit}; did you mean 'site'?"),
        ("group", "{}", "no {}; expected one of group, site"),
    ],
)
def test_a_text_names_what_its_subject_has(per: str, title: str, told: str) -> None:
    when = "share(light_level > 3 %) > 30 %" if per == "group" else "level > 3 m"
    text = PACK.replace("WHEN", when).replace("DOMAIN", "flood").replace("{site}: x", title)
    text += f"  per: {per}\n"
    if not told:
        assert load_pack(text, file="f", domain="flood").rules[0].title == title
        return
    with pytest.raises(RuleError) as caught:
        load_pack(text, file="f", domain="flood")
    assert str(caught.value) == f"f:3:11: {told}"


def test_where_a_wrong_name_stands_in_a_text_of_one_line_and_of_several() -> None:
    short = PACK.replace("WHEN", "level > 3 m").replace("DOMAIN", "flood")
    for old, new, told in (
        ("Look.", "Look at {lamp}.", "f:6:19: "),
        ("Look.", ">-\n    Look at\n    {lamp}.", "f:6:11: "),
    ):
        with pytest.raises(RuleError) as caught:
            load_pack(short.replace(old, new), file="f", domain="flood")
        assert str(caught.value).startswith(told)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a : b ; c ! d ? e % f », g", "a~: b~; c~! d~? e~% f~», g"),
        ("« a » « b", "«~a~» «~b"),
        ("3 m 3 km 3 mm 3 W 3 kW 3 h 3 min 3 s 3 °C", "3~m 3~km 3~mm 3~W 3~kW 3~h 3~min 3~s 3~°C"),
        ("3 maires 3 heures 3 x", "3 maires 3 heures 3 x"),
        ("a m", "a m"),
        (" a ", "a"),
    ],
)
def test_french_spaces_that_no_line_ends_in(written: str, read: str) -> None:
    found = rule(more=f'  fr: {{title: "{written}", advice: "b", wrong when: "c"}}\n').french
    assert found.title.replace("\N{NO-BREAK SPACE}", "~") == read
    assert (found.advice, found.wrong_when) == ("b", "c")


def test_texts_are_read_without_the_spaces_around_them() -> None:
    text = PACK.replace("Look.", '" Look. "').replace("WHEN", "level > 3 m")
    (found,) = load_pack(text.replace("DOMAIN", "flood"), file="f", domain="flood").rules
    assert (found.title, found.advice, found.wrong_when) == (
        "{site}: x",
        "Look.",
        "It is not so.",
    )
    assert found.french.title == ""


@pytest.mark.parametrize(
    ("when", "more", "told"),
    [
        (
            "share(level > 1 m) > 50 %",
            "",
            "2:3: rule 'flood-x' uses share and is not `per: group`",
        ),
        ("total(level) > 1 m", "  per: device\n", "uses total and is not `per: group`"),
        (
            "upstream(level) > 1 m",
            "  per: group\n",
            "2:3: rule 'flood-x' is `per: group`, and no group has an upstream",
        ),
        (
            "share(silent(device, 1 h)) > 50 %",
            "  per: group\n",
            "rule 'flood-x' has a device in a share; name a series of it",
        ),
        (
            "share(level > 1 m) > 50 % and level > 2 m and share(rain > 1 mm) > 0 and rain > 1 mm",
            "  per: group\n",
            "2:3: rule 'flood-x' names level both inside a share and outside of one",
        ),
        ("hour > 3", "", "2:3: `when` of 'flood-x' names no series; what should it watch?"),
        (
            "level > 1 m and silent(level, 1 h) and last(level) > 2 m",
            "  clear: stuck(level, 1 h)\n",
            (
                "9:10: stuck cannot be combined with silent: silence is evaluated by arrival, a"
                " window by measurement time; use last, last_change or change here, or write two"
                " rules"
            ),
        ),
        (
            "level > 1 m",
            "  steps: [{severity: info, when: level > 2 m}]\n",
            (
                "9:40: the steps of 'flood-x' must rise: info comes after minor; from the"
                " lowest, severities are info, minor, major, critical"
            ),
        ),
        (
            "level > 1 m",
            (
                "  steps:\n  - {severity: critical, when: level > 3 m}\n"
                "  - {severity: major, when: level > 2 m}\n"
            ),
            "11:35: the steps of 'flood-x' must rise: major comes after critical;",
        ),
        (
            "level > 1 m",
            "  steps: [{severity: minor, when: level > 2 m}]\n",
            "the steps of 'flood-x' must rise: minor comes after minor;",
        ),
    ],
)
def test_what_a_rule_cannot_be_is_told(when: str, more: str, told: str) -> None:
    assert told in slip(when, more)


def test_what_a_rule_may_be() -> None:
    assert rule("silent(device, 1 h)").plain == ()
    steps = "  steps:\n  - {severity: major, when: level > 3 m}\n"
    assert len(rule("level > 1 m", steps + steps[9:].replace("major", "critical")).steps) == 2
    shared = rule("share(level > 1 m) > 50 % and total(rain) > 1 mm", "  per: group\n")
    assert shared.shared == ("level", "rain")
    assert rule("silent(level, 1 h) and change(level, 1 h) > 1 m").axis == "silence"


@pytest.mark.parametrize("key", ["id", "title", "severity", "advice", "wrong when", "tests"])
def test_a_rule_of_a_pack_needs_all_of_these(key: str) -> None:
    text = PACK.replace("WHEN", "level > 3 m").replace("DOMAIN", "flood").replace("- id", "-\n  id")
    lines = [line for line in text.splitlines() if not line.strip().startswith(f"{key}:")]
    with pytest.raises(RuleError) as caught:
        load_pack("\n".join(lines), file="f", domain="flood")
    assert caught.value.problem == f"a rule in a pack needs `{key}`"


def test_a_rule_needs_a_condition() -> None:
    text = PACK.replace("DOMAIN", "flood").replace("  when: WHEN\n", "")
    with pytest.raises(RuleError) as caught:
        load_pack(text, file="f", domain="flood")
    assert str(caught.value) == "f:2:3: a rule needs `when`, the condition that raises it"


def site(name: str = "mill", minutes: float = 15, **more: object) -> SiteFacts:
    span = round(minutes * MINUTE)
    usual = SiteFacts(
        name=name,
        intervals={"level": span, "rain": 5 * MINUTE, "lamp_fault": 90 * MINUTE},
        thresholds=frozenset({"alert"}),
        on_change=frozenset({"lamp_fault"}),
        upstream={"level": HOUR},
    )
    return replace(usual, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("when", "more", "how"),
    [
        ("level > 3 m", "", "at most 15 min late (interval 15 min)"),
        ("level > 3 m and rain > 1 mm", "", "at most 15 min late (interval 15 min)"),
        (
            "level > 3 m",
            "  for: 30 min\n",
            "at most 45 min late (interval 15 min, for 30 min)",
        ),
        (
            "level > 3 m",
            "  for: 20 min\n",
            "at most 45 min late (interval 15 min, for 20 min, until the next reading 10 min)",
        ),
        (
            "level > 3 m",
            "  grace: 5 min\n",
            "at most 15 min late, told after 20 min (interval 15 min, grace 5 min)",
        ),
        ("level > 3 m", "  grace: 0 s\n", "at most 15 min late (interval 15 min)"),
        ("upstream(level) > 3 m", "", "at most 1 h late (interval 1 h)"),
        ("lamp_fault > 0", "  for: 10 min\n", "at most 10 min late (for 10 min)"),
        (
            "silent(level, 2 h) or silent(rain, 1 h)",
            "  for: 10 min\n",
            "at most 130 min late (silence 2 h, for 10 min)",
        ),
        (
            "stuck(level, 6 h) or stuck(rain, 2 h)",
            "",
            "at most 375 min late (interval 15 min, stuck 6 h)",
        ),
        ("lamp_fault > 0", "", "at most 0 s late ()"),
    ],
)
def test_how_late_a_rule_can_be_and_why(when: str, more: str, how: str) -> None:
    found = lateness(rule(when, more), site())
    assert found.how == how
    assert str(found) == f"mill: {how}"


def test_a_rule_that_may_be_inhibited_waits_as_long_as_its_inhibitors_unless_it_says() -> None:
    waits = lateness(rule(), site(), grace=25 * MINUTE)
    assert (waits.stands, waits.notified) == (15 * MINUTE, 40 * MINUTE)
    own = lateness(rule(more="  grace: 0 s\n"), site(), grace=25 * MINUTE)
    assert own == Lateness(
        site="mill", stands=15 * MINUTE, notified=15 * MINUTE, parts=(("interval", 15 * MINUTE),)
    )


def test_a_rule_applies_where_there_is_all_that_it_needs() -> None:
    whole = "level > threshold.alert and upstream(level) > 1 m"
    assert applies(rule(whole), site())
    assert not applies(rule(whole), site(upstream={}))
    assert not applies(rule(whole), site(thresholds=frozenset()))
    assert not applies(rule(whole), site(intervals={"rain": 1}))
    soon = rule("forecast(level, 2 h) > threshold.alert")
    assert not applies(soon, site())
    assert applies(soon, site(forecasts=frozenset({"level"})))
    steps = "  steps: [{severity: major, when: level > threshold.danger}]\n"
    assert applies(rule("level > 3 m", steps), site())


def told(some: Rule, *sites: SiteFacts) -> list[str]:
    return [f"{place.line}:{place.column}: {text}" for place, text in warnings(some, sites)]


@pytest.mark.parametrize(
    ("when", "more", "sites", "expected"),
    [
        ("level > threshold.alert", "", (site(),), []),
        (
            "level > threshold.danger",
            "",
            (site(), site("ford")),
            [
                "4:17: no site has a threshold 'danger'; expected one of alert",
                "4:15: flood-x applies at none of 2 sites",
            ],
        ),
        ("level > threshold.danger", "", (), []),
        (
            "upstream(level > threshold.danger)",
            "",
            (site(),),
            ["4:26: no site has a threshold 'danger'; expected one of alert"],
        ),
        ("rate(level, 30 min) > 1 m/h", "", (site(),), []),
        (
            "rate(level, 29 min) > 1 m/h",
            "",
            (site(),),
            [
                (
                    "4:9: rate(level, 29 min) needs 2 readings, and mill reads every 15 min; write"
                    " 30 min or more"
                )
            ],
        ),
        (
            "mean(level, 14 min) > 1 m",
            "",
            (site(), site("ford", 20), site("weir", 5)),
            [
                (
                    "4:9: mean(level, 14 min) is shorter than an interval, and ford reads every"
                    " 20 min (and 1 more sites do); write 20 min or more"
                )
            ],
        ),
        ("mean(level, 15 min) > 1 m", "", (site(),), []),
        (
            "change(level, 10 min) > 1 m",
            "",
            (site(),),
            [
                (
                    "4:9: change(level, 10 min) is shorter than an interval, and mill reads every"
                    " 15 min; write 15 min or more"
                )
            ],
        ),
        (
            "silent(level, 20 min) and last_change(level, 1 min) > 0 m",
            "",
            (site(), site("ford", 10)),
            [
                (
                    "4:9: silent(level, 20 min) needs 2 readings, and mill reads every 15 min;"
                    " write 30 min or more"
                )
            ],
        ),
        ("silent(device, 1 min)", "", (site(),), []),
        (
            "stuck(level, 25 min)",
            "",
            (site(),),
            [
                (
                    "4:9: stuck(level, 25 min) needs 2 readings, and mill reads every 15 min;"
                    " write 30 min or more"
                )
            ],
        ),
        ("stuck(lamp_fault, 1 min)", "", (site(),), []),
        ("last(level) > 3 m", "", (site(),), []),
        (
            "share(mean(level, 10 min) > 1 m) > 0.5",
            "  per: group\n",
            (site(),),
            [
                (
                    "4:15: mean(level, 10 min) is shorter than an interval, and mill reads every 15"
                    " min; write 15 min or more"
                )
            ],
        ),
    ],
)
def test_what_an_author_should_know_of_a_rule_at_these_sites(
    when: str, more: str, sites: Iterable[SiteFacts], expected: list[str]
) -> None:
    assert told(rule(when, more), *sites) == expected

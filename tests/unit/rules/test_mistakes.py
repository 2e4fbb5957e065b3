"""What authors usually get wrong, and the message that mends it."""

from dataclasses import replace

import pytest

from rules._duration import HOUR, SECOND
from rules._errors import RuleError
from rules._inhibition import check_mentions
from rules._lateness import SiteFacts, lateness, warnings
from rules._pack import load_pack
from rules._rule import Rule

MINUTE = 60 * SECOND

RULE = """
- id: flood-x
  title: "{site}: x"
  when: level > threshold.alert
  clear: level < threshold.alert - 0.10 m
  for: 10 min
  severity: minor
  steps:
    - {severity: major, when: level > threshold.danger}
  advice: Look.
  wrong when: It is not so.
  tests: []
"""


def read(text: str) -> None:
    pack = load_pack(text, file="rules/flood.yaml", domain="flood")
    check_mentions(pack.mentions, {rule.id: rule.inhibits for rule in pack.rules})


def slip(old: str, new: str) -> str:
    """What is said of the rule with this slip in it: line:column: message."""
    assert old in RULE
    with pytest.raises(RuleError) as caught:
        read(RULE.replace(old, new, 1))
    return str(caught.value).removeprefix("rules/flood.yaml:")


WHEN = "when: level > threshold.alert"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        # a unit left out
        (WHEN, "when: level > 3", "4:17: a number without a unit is next to one in m; write its"),
        (WHEN, "when: change(level, 1) > 3 m", "4:23: 1 has no unit; a duration is written like"),
        # a wrong name
        (WHEN, "when: lvel > 3 m", "4:9: unknown series 'lvel'; did you mean 'level'?"),
        (WHEN, "when: level > threshold.alrt", "unknown threshold 'alrt'; did you mean 'alert'?"),
        (WHEN, "when: level > alert", "4:17: a threshold is written threshold.alert"),
        (WHEN, "when: level > 1 m and nigth", "unknown series 'nigth'; did you mean 'night'?"),
        # = for ==
        (WHEN, "when: vigilance = 3", "4:19: expected an operator or the end, found '='; equality"),
        (WHEN, "when: level => 3 m", "4:15: expected an operator or the end, found '='; write >="),
        (WHEN, "when: vigilance <> 3", "expected a value, found '>'; write !="),
        # hysteresis the wrong way round
        ("- 0.10 m", "+ 0.10 m", "5:16: clear already holds where when does: they overlap by 0.1"),
        (
            "clear: level < threshold.alert - 0.10 m",
            "clear: threshold.alert + 20 cm > level",
            "overlap by 0.2",
        ),
        (
            "clear: level < threshold.alert - 0.10 m",
            "clear: level > threshold.alert - 0.10 m",
            "5:16: clear points the same way as when: both hold above a limit; write it with <",
        ),
        (
            "when: level > threshold.danger}",
            "when: level > threshold.danger, clear: level < threshold.danger + 0.20 m}",
            "clear already holds where when does: they overlap by 0.2",
        ),
        (
            "when: level > threshold.danger}",
            "when: level > threshold.danger, clear: level > threshold.danger}",
            "clear points the same way as when: both hold above a limit; write it with <",
        ),
        # && and || for and and or
        (
            WHEN,
            'when: "level > 1 m && rain > 1 mm"',
            "'&&' is not part of the rule language; write",
        ),
        (
            WHEN,
            'when: "level > 1 m || rain > 1 mm"',
            "'||' is not part of the rule language; write",
        ),
        (WHEN, "when: level ≥ 3 m", "4:15: '≥' is not part of the rule language; write >="),
        # a comma for the decimal point
        (
            WHEN,
            "when: level > 3,5 m",
            "4:18: expected an operator or the end, found ','; the decimal",
        ),
        # percent and fractions
        (
            WHEN,
            "when: basin_fill > 0.8",
            "4:22: a number without a unit is next to a percentage; w",
        ),
        # between
        (WHEN, "when: 1 m < level < 3 m", "comparisons are not chained; write `a < b and b < c`"),
        (WHEN, "when: level between 1 m and 2 m", "write `level >= 1 m and level <= 2 m`"),
        # a duration without its unit, or with none of time
        ("for: 10 min", "for: 10", "6:8: 10 has no unit; a duration is written like 10 min"),
        ("for: 10 min", "for: ten minutes", "'ten minutes' is not a duration; expected a number"),
        # steps that do not climb
        (
            "severity: minor",
            "severity: major",
            "9:37: the steps of 'flood-x' must rise: major com",
        ),
        # severities
        (
            "severity: minor",
            "severity: mineur",
            "7:13: unknown severity 'mineur'; did you mean 'min",
        ),
        (
            "severity: minor",
            "severity: urgent",
            "unknown severity 'urgent'; expected one of critic",
        ),
        # a rule twice
        (RULE, RULE + RULE, "14:3: rule 'flood-x' appears twice"),
        # what nothing suppresses
        ("  tests", "  suppress: always\n  tests", "suppress takes the word never, not 'always'"),
        (
            "  tests",
            "  suppress: never\n  chatter: 5 in 1 h\n  tests",
            "a rule with `suppress: never` waits for nothing: remove `chatter`",
        ),
        # rules that it inhibits
        (
            "  tests",
            "  inhibits: [flood-y]\n  tests",
            "12:14: 'flood-x' inhibits the unknown rule 'fl",
        ),
        (
            "  tests",
            "  inhibits: [flood-x]\n  tests",
            "12:14: rule 'flood-x' cannot inhibit itself",
        ),
        (
            "  tests",
            "  inhibits: flood-y\n  tests",
            "expected the ids of the rules that it inhibits",
        ),
        (
            "  tests",
            "  group by: rivers\n  tests",
            "unknown group by 'rivers'; did you mean 'river'?",
        ),
        (
            "  tests",
            "  chatter: often\n  tests",
            "'often' is not a chatter limit; expected alarms in",
        ),
        (
            "  tests",
            "  remind: 30\n  tests",
            "12:11: 30 has no unit; a duration is written like 30 m",
        ),
        # keys
        ("title:", "tilte:", "3:3: a rule has no 'tilte'; did you mean 'title'?"),
        ("advice:", "advise:", "10:3: a rule has no 'advise'; did you mean 'advice'?"),
        ("  advice: Look.\n", "", "2:3: a rule in a pack needs `advice`"),
        # texts
        ('"{site}: x"', '"{sit}: x"', "3:11: no {sit}; did you mean 'site'?"),
        ('"{site}: x"', '"at {device}: x"', "3:14: no {device}; a rule per site names site"),
        (
            "  tests",
            "  fr: {titre: x}\n  tests",
            "12:8: `fr` has no 'titre'; did you mean 'title'?",
        ),
        ("  tests", "  fr: x\n  tests", "12:7: expected `fr`, a mapping; found 'x'"),
        (
            "  tests",
            '  fr: {title: "{lieu} : x"}\n  tests',
            "12:16: no {lieu}; expected one of site",
        ),
        # a window of what was measured beside what arrived
        (
            WHEN,
            "when: silent(level, 1 h) and rate(level, 3 h) > 1 cm/h",
            "4:32: rate cannot be combined with silent: silence is evaluated by arrival, a",
        ),
        # the calendar
        (WHEN, "when: level > 1 m and weekday == 9", "weekday is a whole number, 1 to 7"),
        (WHEN, "when: level > 1 m and hour > 6.5", "hour is a whole number, 0 to 24"),
        (
            WHEN,
            "when: level > 1 m and weekday == sta",
            "'sta' is not a weekday; did you mean 'sat'?",
        ),
        (WHEN, "when: level > 1 m and sat", "compare it with weekday, such as weekday == sat"),
        (WHEN, "when: night", "2:3: `when` of 'flood-x' names no series; what should it watch?"),
        # upstream and members
        (WHEN, "when: upstream(silent(level, 1 h))", "silent cannot be used inside upstream"),
        (WHEN, "when: upstream(3 m) > 2 m", "upstream needs a series inside"),
        (WHEN, "when: total(level) > 3 m", "rule 'flood-x' uses total and is not `per: group`"),
    ],
)
def test_a_usual_mistake_is_told_so_that_it_can_be_mended(old: str, new: str, told: str) -> None:
    assert told in slip(old, new)


def circle(*names: str) -> str:
    """Rules each of which inhibits the next, and the last the first."""
    return "".join(
        RULE.replace("flood-x", name).replace("  tests", f"  inhibits: [{other}]\n  tests")
        for name, other in zip(names, (*names[1:], names[0]), strict=True)
    )


@pytest.mark.parametrize("names", [("flood-x", "flood-y"), ("flood-x", "flood-y", "flood-z")])
def test_rules_that_silence_each_other_are_told_with_the_whole_circle(
    names: tuple[str, ...],
) -> None:
    with pytest.raises(RuleError) as caught:
        read(circle(*names))
    told = ", which inhibits ".join(f"'{name}'" for name in (*names[1:], names[0]))
    assert str(caught.value).startswith(f"rules/flood.yaml:12:14: 'flood-x' inhibits {told}: ")


def test_a_circle_through_rules_that_stand_already_is_told() -> None:
    text = RULE.replace("  tests", "  inhibits: [flood-y]\n  tests")
    pack = load_pack(text, file="rules/flood.yaml", domain="flood")
    known = {"flood-x": ["flood-y"], "flood-y": ["flood-z"], "flood-z": ["flood-x"]}
    with pytest.raises(RuleError, match="'flood-x' inhibits 'flood-y', which inhibits 'flood-z'"):
        check_mentions(pack.mentions, known)
    check_mentions(pack.mentions, {**known, "flood-z": []})


@pytest.mark.parametrize("number", ["30", "1.5"])
def test_a_share_is_no_percentage_unless_it_is_written_so(number: str) -> None:
    text = RULE.replace(WHEN, f"per: group\n  when: share(level > 1 m) > {number}")
    text = text.replace("  clear: level < threshold.alert - 0.10 m\n", "")
    text = text.replace("level > threshold.danger", "share(level > 1 m) > 60 %")
    with pytest.raises(RuleError, match=f"between 0 and 1; write .* or {number} %"):
        load_pack(text, file="rules/flood.yaml", domain="flood")
    (rule,) = load_pack(
        text.replace(f"> {number}", f"> {number} %"), file="rules/flood.yaml", domain="flood"
    ).rules
    assert rule.shared == ("level",)


def rule(when: str, more: str = "") -> Rule:
    text = RULE.replace(WHEN, f"when: {when}").replace("  tests", f"{more}  tests")
    text = text.replace("  clear: level < threshold.alert - 0.10 m\n", "")
    (found,) = load_pack(text, file="rules/flood.yaml", domain="flood").rules
    return found


MILL = SiteFacts(name="mill", intervals={"level": 15 * MINUTE}, thresholds=frozenset({"alert"}))
FORD = SiteFacts(name="ford", intervals={"level": HOUR}, thresholds=frozenset({"alert"}))


def told(some: Rule, *sites: SiteFacts) -> list[str]:
    return [f"{place.line}:{place.column}: {text}" for place, text in warnings(some, sites)]


def test_a_threshold_that_no_site_has_is_told_with_the_nearest() -> None:
    found = told(rule("level > threshold.alert"), MILL)
    assert found == ["8:39: no site has a threshold 'danger'; expected one of alert"]
    assert told(rule("level > threshold.attention"), MILL)[-1].endswith(
        "applies at none of 1 sites"
    )


def test_a_window_shorter_than_the_interval_is_told_with_that_of_the_site() -> None:
    (_, found, _) = told(rule("rate(level, 1 h) > 0.1 m/h and level > threshold.alert"), MILL, FORD)
    assert found == (
        "4:9: rate(level, 1 h) needs 2 readings, and ford reads every 1 h; write 2 h or more"
    )


def test_a_for_that_means_the_second_of_rare_readings_is_told_with_what_avoids_it() -> None:
    found = told(rule("level > threshold.alert"), FORD, MILL)[-1]
    assert found == (
        "4:15: `for: 10 min` needs two readings, and ford reads every 1 h: an alarm there waits for"
        " the second; to raise it at the first, write min(level, 11 min) and no `for`"
    )
    more = replace(FORD, name="weir")
    found = told(rule("level < threshold.alert"), FORD, more)[-1]
    assert "ford reads every 1 h (and 1 more sites do)" in found
    assert "write max(level, 11 min)" in found
    compound = told(rule("level > threshold.alert and change(level, 1 h) > 0 m"), FORD)[-1]
    assert compound.endswith("an alarm there waits for the second")
    rare = replace(FORD, on_change=frozenset({"level"}))
    assert "two readings" not in told(rule("level > threshold.alert"), MILL, rare)[-1]
    assert "two readings" not in told(rule("silent(level, 3 h)"), FORD)[-1]


@pytest.mark.parametrize(
    ("when", "more", "stands", "waits"),
    [
        ("level > threshold.alert", "", 30 * MINUTE, 30 * MINUTE),  # 15, for 10, 5 to the next
        ("level > threshold.alert", "  grace: 20 min\n", 30 * MINUTE, 50 * MINUTE),
        ("silent(level, 1 h)", "", 70 * MINUTE, 70 * MINUTE),
        ("stuck(level, 6 h)", "", 6 * HOUR + 30 * MINUTE, 6 * HOUR + 30 * MINUTE),
    ],
)
def test_how_late_a_rule_can_be_at_a_site(when: str, more: str, stands: int, waits: int) -> None:
    found = lateness(rule(when, more), MILL)
    assert (found.stands, found.notified) == (stands, waits)
    assert str(found).startswith("mill: at most ")

"""What the rule language says of every slip, word for word, and what it makes of units."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from rules._check import check_condition
from rules._errors import RuleError, WaitingError
from rules._expression import Kind, parse, tokens
from rules._hysteresis import check_hysteresis
from rules._inhibition import Mention, check_circles, check_mentions
from rules._pack import load_pack, rule_from_json
from rules._tree import Arithmetic, Call, Comparison, Name, Node, Number, Scaled, Word, walk
from rules._units import converted, needs_unit, product, quotient
from rules._vocabulary import Vocabulary, open_vocabulary, vocabulary
from rules._yaml import Source, as_yaml
from sensors._domain import catalogue
from sensors._errors import Place

HERE = Place(file="f", line=3, column=9)
WORDS = vocabulary(catalogue())
DAY = 86_400_000_000


def read(text: str, words: Vocabulary = WORDS) -> Node:
    return check_condition(parse(text, HERE), words)


def slip(of: Callable[[], object]) -> str:
    """What is said, without the file and the line."""
    with pytest.raises(RuleError) as caught:
        of()
    return str(caught.value).removeprefix("f:3:")


def numbers(text: str, words: Vocabulary = WORDS) -> list[tuple[float, str | None]]:
    return [(n.value, n.unit) for n in walk(read(text, words)) if isinstance(n, Number)]


def test_a_text_is_cut_into_tokens_with_their_columns() -> None:
    found = tokens("rate(level, 3 h) >= -2.5 (m3/s)/h and x.y != 3m", HERE)
    assert [(one.kind, one.text, one.unit, one.place.column) for one in found] == [
        (Kind.WORD, "rate", None, 9),
        (Kind.SYMBOL, "(", None, 13),
        (Kind.WORD, "level", None, 14),
        (Kind.SYMBOL, ",", None, 19),
        (Kind.NUMBER, "3", "h", 21),
        (Kind.SYMBOL, ")", None, 24),
        (Kind.SYMBOL, ">=", None, 26),
        (Kind.SYMBOL, "-", None, 29),
        (Kind.NUMBER, "2.5", "(m3/s)/h", 30),
        (Kind.WORD, "and", None, 43),
        (Kind.WORD, "x.y", None, 47),
        (Kind.SYMBOL, "!=", None, 51),
        (Kind.NUMBER, "3", "m", 54),
        (Kind.END, "", None, 56),
    ]
    assert {(one.place.file, one.place.line) for one in found} == {("f", 3)}
    assert [one.unit for one in tokens("1 or 2 in 3 not 4 %", HERE) if one.kind is Kind.NUMBER] == [
        *(None, None, None, "%"),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a > 1 && b > 1", "15: '&&' is not part of the rule language; write and"),
        ("a > 1 || b > 1", "15: '||' is not part of the rule language; write or"),
        ("a > 1 & b > 1", "15: '&' is not part of the rule language; write and"),
        ("a > 1 | b > 1", "15: '|' is not part of the rule language; write or"),
        ("!a > 1", "9: '!' is not part of the rule language; write not"),
        ("a ? b", "11: '?' is not part of the rule language"),
        ("a ≠ 1", "11: '≠' is not part of the rule language; write !="),
        ("a => 1", "11: expected an operator or the end, found '='; write >="),
        ("a =< 1", "11: expected an operator or the end, found '='; write <="),
        ("a = 1", "11: expected an operator or the end, found '='; equality is written =="),
        ("= 1", "9: expected a value, found '='; equality is written =="),
        ("a <> 1", "12: expected a value, found '>'; write !="),
        ("> 1", "9: expected a value, found '>'"),
        (
            "a > 3,5 m",
            "14: expected an operator or the end, found ','; the decimal sign is a point: 3.5",
        ),
        ("a > b,5", "14: expected an operator or the end, found ','"),
        ("a > 3,b", "14: expected an operator or the end, found ','"),
        (", 5", "9: expected a value, found ','"),
        (
            "a between 1 and 2",
            (
                "11: expected an operator or the end, found 'between'; write"
                " `level >= 1 m and level <= 2 m`"
            ),
        ),
        ("a >", "12: expected a value, found the end"),
        ("a > c b", "15: expected an operator or the end, found 'b'"),
        ("a > and", "13: expected a value, found 'and'"),
        ("a > 1 < 2", "15: comparisons are not chained; write `a < b and b < c`"),
        ("a not 3", "15: expected 'in', found '3'"),
        ("a in 3", "14: expected '(', found '3'"),
        ("a in (3", "16: expected ')', found the end"),
        ("a in ()", "15: expected a value, found ')'"),
        ("(a > 1", "15: expected ')', found the end"),
        ("max(a, 1 h > 1", "23: expected ')', found the end"),
        ("a.b > 1", "9: 'a.b' is not understood; did you mean"),
        ("treshold.alert > 1", "9: 'treshold.alert' is not understood; did you mean 'threshold'?"),
        ("threshold.a.b > 1", "9: 'threshold.a.b' is not understood; did you mean 'threshold'?"),
        ("soaked(a) > 1", "9: unknown function 'soaked'; "),
        ("inside(a) > 1", "9: the function inside does not exist yet"),
        ("a > 1 and inside zone", "19: inside does not exist yet"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_was_meant(text: str, told: str) -> None:
    said = slip(lambda: parse(text, HERE))
    if told.endswith(("; ", "did you mean")):
        assert said.startswith(told.removesuffix("; did you mean"))
    else:
        assert said == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "level",
            "9: 'level' is a value; a condition compares it, such as level > 3 m or level == 1",
        ),
        ("level + 1 m", "15: expected a condition, found a value; compare it with another"),
        ("(level > 1 m) + 2 m > 3 m", "16: expected a value, found a condition"),
        ("levle > 1 m", "9: unknown series 'levle'; did you mean 'level'?"),
        ("nigth and level > 1 m", "9: unknown series 'nigth'; did you mean 'night'?"),
        ("change > 1 m", "9: 'change' is a function; expected change(…)"),
        ("inside > 1", "9: the word inside does not exist yet"),
        ("level > alert", "17: a threshold is written threshold.alert"),
        ("level > threshold.alrt", "17: unknown threshold 'alrt'; did you mean 'alert'?"),
        ("hour == sat", "17: compare it with weekday, such as weekday == sat"),
        ("level > mar", "17: compare it with month, such as month == mar"),
        ("weekday == sta", "20: 'sta' is not a weekday; did you mean 'sat'?"),
        ("sta == weekday", "9: 'sta' is not a weekday; did you mean 'sat'?"),
        ("month == 13", "18: month is a whole number, 1 to 12"),
        ("month == 0", "18: month is a whole number, 1 to 12"),
        ("hour > 25", "16: hour is a whole number, 0 to 24"),
        ("hour > -1", "16: hour is a whole number, 0 to 24"),
        ("25 > hour", "9: hour is a whole number, 0 to 24"),
        ("hour > 6.5", "16: hour is a whole number, 0 to 24"),
        ("max(level) > 1 m", "9: max takes (a series, a duration); found 1 arguments"),
        ("last(level, 1 h) > 1 m", "9: last takes (a series); found 2 arguments"),
        (
            "upstream() > 1 m",
            "9: upstream takes (a value or a condition, a duration); found 0 arguments",
        ),
        (
            "upstream(level, 1 h, 1 h) > 1 m",
            "9: upstream takes (a value or a condition, a duration); found 3 arguments",
        ),
        ("max(level, level) > 1 m", "20: max takes (a series, a duration); expected a duration"),
        ("max(1 m, 1 h) > 1 m", "13: max takes (a series, a duration); expected a series"),
        ("max(device, 1 h) > 1 m", "13: unknown series 'device'; expected one of"),
        ("max(level, 0 s) > 1 m", "20: max needs a duration above zero"),
        (
            "quantile(level, 1.5, 1 h) > 1 m",
            (
                "25: quantile takes (a series, a number from 0 to 1, a duration); expected a number"
                " from 0 to 1"
            ),
        ),
        ("quantile(level, -0.1, 1 h) > 1 m", "25: quantile takes"),
        ("quantile(level, 101 %, 1 h) > 1 m", "25: quantile takes"),
        ("quantile(level, 1 m, 1 h) > 1 m", "25: quantile takes"),
        (
            "silent(3 m, 1 h)",
            (
                "16: silent takes (a series or the word device, a duration, or a number of the"
                " series' intervals); expected a series or the word device"
            ),
        ),
        ("share(total(level) > 1 m) > 30 %", "15: total cannot be used inside share"),
        ("upstream(upstream(level)) > 1 m", "18: upstream cannot be used inside upstream"),
        ("total(upstream(level)) > 1 m", "15: upstream cannot be used inside total"),
        (
            "upstream(silent(level, 1 h))",
            "18: silent cannot be used inside upstream: water carries no messages",
        ),
        ("upstream(1 m) > 1 m", "9: upstream needs a series inside, such as upstream(…)"),
        ("share(1 > 2) > 1", "9: share needs a series inside, such as share(…)"),
        (
            "share(level > 1 m) > 30",
            "30: a share lies between 0 and 1; write 0.3 or 30 %",
        ),
        ("1.01 < share(level > 1 m)", "9: a share lies between 0 and 1; write 0.0101 or 1.01 %"),
        ("share(level > 1 m) > -1", "30: a share lies between 0 and 1; write -0.01 or -1 %"),
        ("air_temperature + level > 1 m", "25: 'm' (length) cannot be converted into 'Cel'"),
        ("air_temperature + 2 K > 1 Cel", "25: write it in Cel, which has another zero point"),
        ("2 K + air_temperature > 1 Cel", "13: write it in Cel, which has another zero point"),
        ("level > 3", "17: a number without a unit is next to one in m; write its unit, as 3 m"),
        (
            "level + 1 > 3 m",
            "17: a number without a unit is next to one in m; write its unit",
        ),
        (
            "level * level > 3",
            "25: a number without a unit is next to one in m.m; write its unit, as 3 m.m",
        ),
        (
            "rate(discharge, 1 h) > 3",
            "32: a number without a unit is next to one in (m3/s)/h; w",
        ),
        (
            "level / level > rain",
            "23: a number without a unit is next to one in mm; write its unit",
        ),
        ("humidity > 0.8", "20: a number without a unit is next to a percentage; write 80 %"),
        ("humidity > 1", "20: a number without a unit is next to a percentage; write 100 %"),
        ("humidity > 1.5", "20: a number without a unit is next to a percentage; write 1.5 %"),
        ("humidity > 0", "20: a number without a unit is next to a percentage; write 0 %"),
        ("humidity > -1", "20: a number without a unit is next to a percentage; write -1 %"),
        ("level > 1e15 km", "17: 1e+15 km, 1e+18 m, is too large; a number lies between"),
    ],
)
def test_what_does_not_fit_is_told_with_what_would(text: str, told: str) -> None:
    assert slip(lambda: read(text)).startswith(told)


def test_numbers_come_in_the_unit_of_what_they_stand_beside() -> None:
    assert numbers("310 cm < level") == [(3.1, "m")]
    assert numbers("level - 50 cm > 2 m") == [(0.5, "m"), (2.0, "m")]
    assert numbers("50 cm + level > 200 cm") == [(0.5, "m"), (2.0, "m")]
    assert numbers("air_temperature > 300 K") == [(26.85, "Cel")]
    assert numbers("share(level > 1 m) > 30 %")[-1] == (0.3, None)
    assert numbers("30 % < share(level > 1 m)")[0] == (0.3, None)
    assert numbers("share(level > 1 m) in (0, 1)")[1::2] == [(0.0, None), (1.0, None)]
    assert numbers("quantile(level, 0, 2 d) > 1 m")[:2] == [(0.0, None), (2 * DAY, "us")]
    assert numbers("quantile(level, 2 d, 1) > 1 m")[:2] == [(1.0, None), (2 * DAY, "us")]
    assert numbers("quantile(level, 50 %, 2 d) > 1 m")[0] == (0.5, None)
    assert numbers("weekday <= fri and mar == month") == [(5.0, None), (3.0, None)]
    assert numbers("hour in (0, 24) and level > 1 m")[:2] == [(0.0, None), (24.0, None)]
    assert numbers("weekday in (1, 7) and month in (1, 12)") == [
        (float(value), None) for value in (1, 7, 1, 12)
    ]
    assert numbers("planned_level > 50 %") == [(50.0, "%")]
    assert numbers("1 + vigilance > 3") == [(1.0, None), (3.0, None)]
    assert numbers("vigilance / vigilance > 1") == [(1.0, None)]
    assert numbers("rate(level, 1 h) > 5 cm/h")[-1] == (0.05, "m/h")
    assert numbers("count(level, 1 h) > 3")[-1] == (3.0, None)
    assert numbers("-50 cm < level") == [(-0.5, "m")]


def test_the_right_side_is_converted_into_the_unit_of_the_left() -> None:
    node = read("rain > level")
    assert isinstance(node, Comparison)
    assert node.left == Name(place=HERE, name="rain")
    level = Name(place=HERE, name="level")
    assert node.right == Scaled(place=HERE, operand=level, scale=1000.0, offset=0.0)
    same = read("gust > wind_speed + threshold.gust_park")
    assert isinstance(same, Comparison)
    assert isinstance(same.right, Arithmetic)
    assert isinstance(same.right.right, Scaled)
    assert same.right.right.scale == pytest.approx(1 / 3.6)


def test_a_word_of_the_calendar_is_no_series_unless_there_is_one_of_its_name() -> None:
    night = read("night")
    assert isinstance(night, Comparison)
    assert night.left == Word(place=HERE, name="night")
    assert night.operator == "=="
    assert night.right == Number(place=HERE, value=1.0)
    words = Vocabulary(series={"night": "m", "hour": "m"}, thresholds={})
    assert [n for n in walk(read("hour > 1 m", words)) if isinstance(n, Word)] == []
    assert slip(lambda: read("night", words)).startswith("9: 'night' is a value")


def test_cases_may_speak_of_series_that_nobody_knows() -> None:
    words = open_vocabulary(catalogue())
    assert words.closed is False
    assert numbers("level > 3 and stranger > 4 and threshold.odd < 5", words) == [
        *((3.0, None), (4.0, None), (5.0, None)),
    ]
    assert numbers("level > 310 cm", words) == [(3.1, "m")]
    assert numbers("humidity > 50 %", words) == [(50.0, "%")]
    assert vocabulary(catalogue()).closed is True


def test_an_order_of_arguments_that_is_usual_elsewhere_is_turned() -> None:
    turned = read("quantile(level, 24 h, 0.9) > 1 m")
    assert turned == read("quantile(level, 0.9, 24 h) > 1 m")
    (call,) = (n for n in walk(turned) if isinstance(n, Call))
    assert [type(part) for part in call.arguments] == [Name, Number, Number]


@pytest.mark.parametrize(
    ("left", "right", "times", "by"),
    [
        ("m", "s", "m.s", "m/s"),
        ("m", "m", "m.m", ""),
        ("", "s", "s", "1/s"),
        ("m", "", "m", "m"),
        ("m3/s", "h", "(m3/s).h", "(m3/s)/h"),
        ("m", "m3/s", "m.(m3/s)", "m/(m3/s)"),
        ("", "", "", ""),
        (None, "m", None, None),
        ("m", None, None, None),
    ],
)
def test_units_are_multiplied_and_divided(
    left: str | None, right: str | None, times: str | None, by: str | None
) -> None:
    assert product(left, right) == times
    assert quotient(left, right) == by


def test_a_unit_that_is_not_known_fits_and_one_that_is_counted_needs_none() -> None:
    fitting = ((None, "m"), ("m", None), ("m", "m"), ("", "code"), ("bool", ""), ("1", ""))
    for source, target in fitting:
        assert converted(source, target, HERE) == (1.0, 0.0)
    assert converted("km", "m", HERE) == (1000.0, 0.0)
    for unit in ("", "1", "code", "bool"):
        needs_unit(Number(place=HERE, value=3.0), unit)
    for source, target in (("", "m"), ("m", "")):
        with pytest.raises(RuleError) as caught:
            converted(source, target, HERE)
        assert caught.value.problem == (
            "a number without a unit is next to one in m; write its unit"
        )


RULE = """
- id: flood-x
  title: "{site}: x"
  when: WHEN
  clear: CLEAR
  severity: minor
  advice: Look.
  wrong when: It is not so.
  tests: []
"""


def hysteresis(when: str, clear: str) -> str:
    """What is said of a rule that begins and ends so; nothing when it is as it should be."""
    text = RULE.replace("WHEN", when).replace("CLEAR", clear)
    try:
        (rule,) = load_pack(text, file="f", domain="flood").rules
    except RuleError as error:
        return str(error)
    check_hysteresis(rule)
    return ""


ABOVE = (
    "clear already holds where when does: they overlap by {}; for hysteresis, write the"
    " limit of when - 0.10 m, or another margin"
)
BELOW = (
    "clear already holds where when does: they overlap by {}; for hysteresis, write the"
    " limit of when + 0.10 m, or another margin"
)
SAME = "clear points the same way as when: both hold {} a limit; write it with {}"


@pytest.mark.parametrize(
    ("when", "clear", "told"),
    [
        ("level > 3 m", "level < 3 m", ""),
        ("level > 3 m", "level < 2.9 m", ""),
        ("level > 3 m", "level < 3.1 m", ABOVE.format("0.1")),
        ("level > 3 m", "3.1 m >= level", ABOVE.format("0.1")),
        ("3 m <= level", "level < 3.1 m", ABOVE.format("0.1")),
        ("level < 3 m", "level > 2.9 m", BELOW.format("0.1")),
        ("level < 3 m", "level > 3.1 m", ""),
        ("level >= 3 m", "level > 2 m", SAME.format("above", "<")),
        ("level <= 3 m", "level < 2 m", SAME.format("below", ">")),
        ("3 m > level", "level <= 2 m", SAME.format("below", ">")),
        ("level > threshold.alert", "level < threshold.alert + 5 cm", ABOVE.format("0.05")),
        ("level - threshold.alert > 1 m", "level < threshold.alert + 2 m", ABOVE.format("1")),
        ("threshold.alert - level < 1 m", "threshold.alert > level + 2 m", ""),
        (
            "threshold.alert - level < 1 m",
            "level > threshold.alert - 2 m",
            SAME.format("above", "<"),
        ),
        ("level > threshold.alert", "level < threshold.danger + 1 m", ""),
        ("level > 3 m", "discharge < 5 m3/s", ""),
        ("2 * level > 6 m", "level * 2 < 7 m", ABOVE.format("1")),
        ("2 * level > 6 m", "3 * level < 12 m", ""),
        ("level / 2 > 3 m", "level / 2 < 4 m", ""),
        ("level > 3 m", "level == 4 m", ""),
        ("level == 3 m", "level < 4 m", ""),
        ("level > 3 m or rain > 1 mm", "level < 4 m", ABOVE.format("1")),
        ("level > 3 m and rain > 1 mm", "level < 4 m", ""),
        ("level > 3 m", "level < 4 m and rain < 1 mm", ""),
        ("level > rain", "level < rain", ""),
        ("level > rain", "level < rain + 1 mm", ABOVE.format("0.001")),
        ("level - level > 1 m", "level - level < 2 m", ""),
        ("level > 3 m", "level < 3.0000000001 m", ""),
        ("level > 300000 m", "level < 300000.0001 m", ""),
        ("level > 300000 m", "level < 300000.001 m", ABOVE.format("0.001")),
        ("level > -300000 m", "level < -299999.9999 m", ""),
        ("air_temperature > 300 K", "air_temperature < 28 Cel", ABOVE.format("1.15")),
        ('"- level < -3 m"', "level < 4 m", ABOVE.format("1")),
        ("level > 3 m", '"- level > -4 m"', ABOVE.format("1")),
    ],
)
def test_an_alarm_ends_on_the_other_side_of_where_it_begins(
    when: str, clear: str, told: str
) -> None:
    said = hysteresis(when, clear)
    assert said == (f"f:5:{10 + place(clear)}: {told}" if told else "")


def place(clear: str) -> int:
    """Where the comparison stands in it."""
    return min(clear.index(sign) for sign in "<>=" if sign in clear)


def mention(rule: str, inhibits: str, column: int = 1) -> Mention:
    return Mention(rule=rule, inhibits=inhibits, place=Place(file="f", line=3, column=column))


def test_a_rule_inhibits_rules_that_there_are_and_not_itself() -> None:
    known = {"a": ("b",), "b": (), "c": ()}
    check_mentions([mention("a", "b"), mention("a", "c"), mention("b", "c")], known)
    check_mentions([mention("b", "a")], {**known, "a": ()})
    check_mentions([mention("a", "c"), mention("b", "a")], known)  # of a, what is written counts
    assert slip(lambda: check_mentions([mention("a", "b"), mention("b", "bb", 7)], known)) == (
        "7: 'b' inhibits the unknown rule 'bb'; did you mean 'b'?"
    )
    assert slip(lambda: check_circles([mention("a", "b"), mention("b", "b", 7)])) == (
        "7: rule 'b' cannot inhibit itself"
    )
    told = (
        ": alarms that suppress each other notify no one; let the more severe one inhibit the"
        " other, and remove one of these"
    )
    assert slip(lambda: check_mentions([mention("b", "a", 5)], known)) == (
        f"5: 'b' inhibits 'a', which inhibits 'b'{told}"
    )
    circle = [mention("x", "y", 2), mention("x", "a", 4), mention("a", "b"), mention("b", "x")]
    assert slip(lambda: check_circles(circle)) == (
        f"4: 'x' inhibits 'a', which inhibits 'b', which inhibits 'x'{told}"
    )
    check_circles([mention("x", "y"), mention("y", "z"), mention("x", "z")])


SOURCE = Source("f")


def test_where_a_part_of_a_file_stands() -> None:
    node = SOURCE.compose("a: 1\nb:  'two'\nc:\n  - \"x\"\n  - y\n")
    parts = SOURCE.mapping(node, "it")
    assert str(SOURCE.place(parts["a"])) == "f:1:4"
    assert str(SOURCE.place(parts["b"])) == "f:2:6"
    assert [str(SOURCE.place(n)) for n in SOURCE.sequence(parts["c"], "c")] == ["f:4:6", "f:5:5"]
    assert SOURCE.plain(node) == {"a": "1", "b": "two", "c": ["x", "y"]}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "f:1:1: the file is empty"),
        ("# only this\n", "f:1:1: the file is empty"),
        ("a: b\n c: ]", "f:2:3: this is not YAML: mapping values are not allowed here"),
        (
            "a: [1,\n",
            "f:2:1: this is not YAML: expected the node content, but found '<stream end>'",
        ),
        ("a: &x 1\nb: *x\n", "f:2:4: this is not YAML: an alias; write it out"),
        ("a: 'b\n", "f:2:1: this is not YAML: found unexpected end of stream"),
    ],
)
def test_what_is_no_file_of_rules_is_told(text: str, told: str) -> None:
    with pytest.raises(RuleError) as caught:
        SOURCE.compose(text)
    assert str(caught.value) == told


def test_a_character_that_no_text_has_is_told() -> None:
    with pytest.raises(RuleError, match=r"^f:1:1: unacceptable character #x0000"):
        SOURCE.compose("a: \x00")


def part(text: str) -> yaml.Node:
    return SOURCE.compose(text)


@pytest.mark.parametrize(
    ("of", "told"),
    [
        (
            lambda: SOURCE.mapping(part("[1]"), "a rule"),
            "f:1:1: expected a rule, a mapping; found a list",
        ),
        (
            lambda: SOURCE.mapping(part("x"), "a rule"),
            "f:1:1: expected a rule, a mapping; found 'x'",
        ),
        (
            lambda: SOURCE.sequence(part("{}"), "a pack"),
            "f:1:1: expected a pack, a list; found a mapping",
        ),
        (lambda: SOURCE.sequence(part("3"), "a pack"), "f:1:1: expected a pack, a list; found '3'"),
        (lambda: SOURCE.text(part("[]"), "a title"), "f:1:1: expected a title; found a list"),
        (lambda: SOURCE.text(part("{}"), "a title"), "f:1:1: expected a title; found a mapping"),
        (lambda: SOURCE.mapping(part("a: 1\na: 2"), "it"), "f:2:1: 'a' appears twice"),
        (lambda: SOURCE.mapping(part("[a]: 1"), "it"), "f:1:1: expected a key; found a list"),
        (
            lambda: SOURCE.mapping(part("a: 1\nbc: 2"), "it", ("a", "bcd")),
            "f:2:1: it has no 'bc'; did you mean 'bcd'?",
        ),
    ],
)
def test_a_part_of_a_file_that_is_another_thing_is_told(
    of: Callable[[], object], told: str
) -> None:
    with pytest.raises(RuleError) as caught:
        of()
    assert str(caught.value) == told


def test_what_comes_as_an_object_is_read_as_a_file_of_its_order_and_letters() -> None:
    assert as_yaml({"b": "é ≥ 3", "a": ["x", {"c": "d"}]}) == "b: é ≥ 3\na:\n- x\n- c: d\n"

    def written(**more: Any) -> dict[str, Any]:
        return {"title": "x", "when": "level > 3 m", "id": "flood-x", "severity": "minor", **more}

    assert rule_from_json(written(domain="flood")).domain == "flood"
    assert rule_from_json(written()).domain == ""
    for wrong, told in (
        (written(when="level ≥ 3 m"), "<revision of flood-x>:2:13: '≥' is not part of the"),
        ({"when": "levle > 3 m"}, "<revision of a rule>:1:7: unknown series 'levle'"),
        (written(severity="minr"), "<revision of flood-x>:4:11: unknown severity 'minr'"),
    ):
        with pytest.raises(RuleError) as caught:
            rule_from_json(wrong)
        assert str(caught.value).startswith(told)


def test_a_word_to_come_waits_and_a_slip_beside_it_does_too() -> None:
    for text in ("inside(level) > 1 m", "inside zone 3 and level > 1 m"):
        with pytest.raises(WaitingError):
            read(text)
    with pytest.raises(RuleError) as caught:
        read("level > > 1 m")
    assert not isinstance(caught.value, WaitingError)

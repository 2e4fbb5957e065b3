"""A rule as form and as text: either changes the other, and a slip stands at its field."""

from hypervisor.rulebook.views_draft import merge_form, parse_draft

TEXT = """id: flood-tried
title: '{site}: high'
when: level > threshold.attention
for: 10 min
severity: minor
steps:
  - severity: major
    when: level > threshold.alert
labels: {crew: north}
advice: look
wrong when: never
fr:
  title: '{site} : haut'
tests:
  - name: it rises
    every: 15 min
    thresholds: {attention: 2 m}
    level: 1 3 3
    expect:
      - {began: "00:30"}
"""
STEPS = [{"severity": "major", "when": "level > threshold.alert", "clear": "", "for": ""}]


def test_the_form_shows_what_the_text_says() -> None:
    draft = parse_draft(TEXT, "flood")

    assert draft.ok
    assert draft.field("when") == "level > threshold.attention"
    assert draft.field("fr title") == "{site} : haut"
    assert draft.field("clear") == ""
    assert [step["severity"] for step in draft.steps] == ["major", ""]
    assert [test.name for test in draft.tests] == ["it rises"]


def test_what_the_form_changes_stands_in_the_text_and_the_rest_stays() -> None:
    made = merge_form(TEXT, {"for": "20 min", "clear": "level < 1 m", "fr title": ""}, STEPS)
    draft = parse_draft(made, "flood")

    assert draft.field("for") == "20 min"
    assert draft.field("clear") == "level < 1 m"
    assert "fr:" not in made
    assert "crew: north" in made
    assert "it rises" in made


def test_steps_that_were_not_submitted_stay() -> None:
    draft = parse_draft(merge_form(TEXT, {"for": "20 min"}, None), "flood")

    assert draft.field("for") == "20 min"
    assert [step["severity"] for step in draft.steps] == ["major", ""]


def test_an_emptied_field_and_step_are_gone() -> None:
    made = merge_form(TEXT, {"for": " "}, [{"severity": "major", "when": "", "clear": ""}])

    assert "for:" not in made
    assert "steps" not in made


def test_a_slip_stands_at_its_field_with_line_and_column() -> None:
    draft = parse_draft(TEXT.replace("level > threshold.attention", "levle > 3 m"), "flood")

    (slip,) = draft.slips
    assert (slip.line, slip.column, slip.field) == (3, 7, "when")
    assert "level" in draft.slip("when")
    assert draft.slip("clear") == ""
    assert draft.rule is None


def test_one_inside_of_the_steps_or_of_the_french_is_theirs() -> None:
    inside = parse_draft(TEXT.replace("level > threshold.alert", "levle > 3 m"), "flood")
    french = parse_draft(TEXT.replace("{site} : haut", "{sight} : haut"), "flood")

    assert inside.slips[0].field == "steps"
    assert french.slips[0].field == "fr title"


def test_a_text_that_is_no_yaml_keeps_its_form_unknown() -> None:
    draft = parse_draft("id: flood-x\n  when: [", "flood")

    assert draft.fields is None
    assert draft.slips[0].line == 2


def test_a_test_that_fails_is_told_with_what_was_found() -> None:
    draft = parse_draft(TEXT.replace('"00:30"', '"00:15"'), "flood")

    assert draft.rule is not None
    assert not draft.ok
    assert "00:30" in " ".join(draft.tests[0].differences)

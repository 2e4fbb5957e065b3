"""Forms of the registry: what they show, and what a change of one field says as a file."""

from typing import Any

import pytest

from hypervisor.registry import form_tree, forms
from hypervisor.registry.export_yaml import describe_registry, format_registry
from hypervisor.registry.forms import FORMS, build_fields, list_entries
from hypervisor.registry.inventory_files import list_examples, read_sources, read_tree
from hypervisor.registry.model import Registry
from hypervisor.registry.tree import InventoryError
from hypervisor.web.forms import digest_values, find_focus, sort_problems
from tests.unit.registry.field import CATALOGUE, FIELD, NOTHING, NOW, built, change, read, values

LINKED = """
sites:
  - {name: mill, domain: flood}
links:
  - {from: gif, to: mill, travel: 7 h, illustrative: true}
plans:
  - {name: summer, off: sunrise, spells: [{from: "00:00", to: "04:00", level: 0 %, months: [6, 7]}]}
assets:
  - {name: school, kind: school, site: mill, properties: {pupils: 210, door: north}}
areas:
  - {code: "91021", kind: commune, name: Arpajon, population: 10942}
"""
WORLD = built(FIELD, LINKED)
EXAMPLES = {name: built(read_sources([name])) for name in ("cance", "garonne", "poyo")}
EVERYTHING = [
    (form, key) for name, form in FORMS.items() for key in list_entries(WORLD, CATALOGUE, form)
]


def shown(form: str, key: str, registry: Registry = WORLD) -> dict[str, str]:
    entry = list_entries(registry, CATALOGUE, FORMS[form])[key]
    return form_tree.fill_values(build_fields(FORMS[form], CATALOGUE), entry)


def lines(form: str, entered: dict[str, str], before: dict[str, str]) -> list[tuple[str, ...]]:
    """What a form with these values changes."""
    kind = FORMS[form]
    fields = build_fields(kind, CATALOGUE)
    tree = form_tree.build_tree(kind, fields, entered, before)
    made = change(read_tree(tree, catalogue=CATALOGUE), registry=WORLD)
    return [(line.kind, line.key, line.field, line.before, line.after) for line in made.lines]


def edit(form: str, key: str, **entered: str) -> list[tuple[str, ...]]:
    before = shown(form, key)
    given = {name.replace("__", "."): text for name, text in entered.items()}
    return lines(form, {**before, **given}, before)


def test_every_kind_has_an_entry_that_is_tried() -> None:
    assert {form.name for form, _ in EVERYTHING} == set(FORMS)


@pytest.mark.parametrize(("form", "key"), EVERYTHING)
def test_a_form_that_nobody_touched_changes_nothing(form: forms.FormKind, key: str) -> None:
    assert edit(form.name, key) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_form_of_each_example_changes_nothing(name: str) -> None:
    registry = EXAMPLES[name]
    for form in FORMS.values():
        fields = build_fields(form, CATALOGUE)
        for entry in list_entries(registry, CATALOGUE, form).values():
            before = form_tree.fill_values(fields, entry)
            tree = form_tree.build_tree(form, fields, before, before)
            assert not change(read_tree(tree, catalogue=CATALOGUE), registry=registry)


@pytest.mark.parametrize("name", [*EXAMPLES, "field"])
def test_the_file_of_now_says_all_and_changes_nothing(name: str) -> None:
    registry = EXAMPLES.get(name, WORLD)
    text = format_registry(registry, CATALOGUE)
    assert not change(text, registry=registry)
    again = built(text)
    assert describe_registry(again, CATALOGUE) == describe_registry(registry, CATALOGUE)
    for kind in ("areas", "sites", "devices", "series", "gateways", "groups", "zones", "assets"):
        assert getattr(again, kind) == getattr(registry, kind)
    facts = [{revision.kind for revision in each.revisions} for each in (again, registry)]
    assert facts[0] == facts[1]
    for kind in facts[0]:
        assert values(again, kind) == values(registry, kind)


def test_a_registry_of_nothing_is_a_file_that_says_so() -> None:
    assert format_registry(NOTHING, CATALOGUE) == "# the registry is empty\n"
    assert not change(format_registry(NOTHING, CATALOGUE))


def test_all_examples_are_tried_but_the_largest() -> None:
    assert set(list_examples()) - set(EXAMPLES) == {"essonne"}


@pytest.mark.parametrize(
    ("form", "key", "entered", "expected"),
    [
        ("site", "gif", {"title": "Gif"}, ("site", "gif", "title", "gif", "Gif")),
        ("site", "cab", {"lat": "48.71"}, ("site", "cab", "lat", "48.7", "48.71")),
        ("site", "gif", {"datum__zero": "4861 cm"}, None),
        (
            "site",
            "gif",
            {"datum__zero": ""},
            ("datum", "gif", "", "zero at 48.61 m NGF", "withdrawn"),
        ),
        (
            "site",
            "gif",
            {"thresholds__1__value": "1.2 m"},
            ("threshold", "gif/attention", "", "1.5 m", "1.2 m"),
        ),
        (
            "site",
            "gif",
            {"thresholds__2__name": "", "thresholds__2__value": ""},
            ("threshold", "gif/rise", "", "0.04 m/h", "withdrawn"),
        ),
        (
            "site",
            "gif",
            {
                "thresholds__9__name": "bank",
                "thresholds__9__value": "3 m",
                "thresholds__9__quantity": "level",
            },
            ("threshold", "gif/bank", "", "", "3 m"),
        ),
        (
            "device",
            "gauge",
            {"series__0__interval": "10 min", "series__0__stale": "1 h"},
            (
                *("reporting", "gauge/level", ""),
                "every 5 min, stale after 15 min, periodic",
                "every 10 min, stale after 1 h, periodic",
            ),
        ),
        (
            "device",
            "gauge",
            {"retired": "2025-06-01"},
            ("device", "gauge", "retired", "none", "2025-06-01T00:00:00Z"),
        ),
        ("device", "lamp-1", {"codec": ""}, None),
        (
            "link",
            "gif>mill",
            {"travel": "8 h"},
            ("link", "gif>mill", "", "travel time 7 h", "travel time 8 h (illustrative)"),
        ),
        (
            "link",
            "gif>mill",
            {"travel": ""},
            ("link", "gif>mill", "", "travel time 7 h", "withdrawn"),
        ),
        (
            "group",
            "cab",
            {"members__1__device": ""},
            ("member", "cab/lamp-2", "", "belongs", "withdrawn"),
        ),
        (
            "asset",
            "rd188",
            {"reach__level": "2 m"},
            ("reach", "rd188", "", "1.9 m at the gauge gif", "2 m at the gauge gif"),
        ),
        (
            "asset",
            "school",
            {"properties__0__value": "220"},
            (
                *("asset", "school", "properties"),
                "pupils=210.0, door=north",
                "pupils=220.0, door=north",
            ),
        ),
        ("plan", "dark", {"on": ""}, None),
        (
            "area",
            "91021",
            {"population": "11000"},
            ("area", "91021", "population", "10942", "11000"),
        ),
        ("gateway", "lora", {"lon": "", "lat": ""}, ("gateway", "lora", "lon", "2.4", "none")),
    ],
)
def test_one_field_changes_one_thing(
    form: str, key: str, entered: dict[str, str], expected: tuple[str, ...] | None
) -> None:
    changed = edit(form, key, **entered)
    if key == "dark":
        [(kind, _, _, before, after)] = changed
        assert (kind, before == after) == ("plan", False)
        assert after.startswith("sunset to sunrise - 10 min, dark 01:00-05:00")
    elif expected is None:
        assert changed == []
    else:
        assert changed[0] == expected


def test_a_new_device_measures_what_its_model_does() -> None:
    entered = {"name": "gauge-2", "site": "mill", "model": "radar-gauge"} | forms.preset(
        FORMS["device"], NOW, {"site": "mill"}
    )
    changed = lines("device", entered, {})
    assert ("device", "gauge-2", "", "", "new: gauge-2") in changed
    assert ("series", "gauge-2/level", "", "", "new: gauge-2/level") in changed


@pytest.mark.parametrize(
    ("form", "key", "entered", "place", "text"),
    [
        ("site", "cab", {"lon": "north"}, "lon", "'north': expected a number"),
        ("site", "cab", {"lat": ""}, "lat", "a point needs both lon and lat"),
        ("site", "cab", {"lat": "2.1", "lon": "48.7"}, "lat", "look exchanged"),
        ("site", "cab", {"commune": "9122"}, "commune", "is no INSEE code"),
        ("site", "cab", {"commune": "91999"}, "commune", "is no commune of the territory"),
        ("site", "gif", {"thresholds__0__value": "soon"}, "thresholds.0.value", "'soon'"),
        (
            "site",
            "gif",
            {"thresholds__9__name": "x", "thresholds__9__value": "1 m"},
            "thresholds.9.name",
            "unknown threshold",
        ),
        (
            "site",
            "gif",
            {"thresholds__1__value": "3 m"},
            "thresholds.1.value",
            "does not lie below alert",
        ),
        ("device", "gauge", {"series__0__low": "9 m"}, "series.0.low", "is not below high"),
        ("device", "gauge", {"model": "no-such"}, "model", "unknown model"),
        ("asset", "rd188", {"reach__level": ""}, "reach.level", "needs 'level', such as 1.9 m"),
        ("asset", "rd188", {"reach__gauge": "nowhere"}, "reach.gauge", "nowhere"),
        ("plan", "dark", {"spells__0__to": "25:00"}, "spells.0.to", "expected a local time"),
        ("zone", "yvette", {"geometry": "{type: ["}, "geometry", "this is not YAML"),
    ],
)
def test_a_problem_stands_at_its_input(
    form: str, key: str, entered: dict[str, str], place: str, text: str
) -> None:
    with pytest.raises(InventoryError) as caught:
        edit(form, key, **entered)
    problems = [(problem.where.field, problem.text) for problem in caught.value.problems]
    placed, others = sort_problems(build_fields(FORMS[form], CATALOGUE), problems)
    assert others == []
    assert text in " ".join(placed[place])


def test_what_is_left_out_of_a_new_entry_is_named_at_its_input() -> None:
    with pytest.raises(InventoryError) as caught:
        lines("asset", {"name": "bridge"}, {})
    assert "'kind'" in str(caught.value)


def test_the_mark_of_a_form_is_of_what_stands_in_it() -> None:
    assert digest_values({"a": "1", "b": ""}) == digest_values({"a": "1"})
    assert digest_values({"a": "1"}) != digest_values({"a": "2"})


def test_every_field_has_a_label_in_its_form() -> None:
    for form in FORMS.values():
        fields: list[Any] = build_fields(form, CATALOGUE)
        for field in fields:
            assert field.label, (form.name, field.name)
            assert all(column.label for column in field.columns), (form.name, field.name)


def test_the_field_says_what_a_town_file_does() -> None:
    assert read(FIELD).sites[0].key == "cab"


def test_a_threshold_is_entered_as_people_read_it() -> None:
    site = next(key for form, key in EVERYTHING if form.name == "site")
    before = shown("site", site)
    fields = build_fields(FORMS["site"], CATALOGUE)
    (label,) = (
        label
        for field in fields
        if field.name == "thresholds"
        for word, label in field.columns[0].choices
        if word == "danger"
    )
    free = find_focus(fields, before, at="thresholds")
    number = free.split(".")[1]
    entered = {free: label.upper(), f"thresholds.{number}.value": "9.50 m"}
    (line, *_) = lines("site", {**before, **entered}, before)
    assert line[1] == f"{site}/danger"


def test_a_form_begins_at_what_is_wrong() -> None:
    fields = build_fields(FORMS["site"], CATALOGUE)
    assert find_focus(fields, {}, fixed=("name",)) == "title"
    assert find_focus(fields, {}, at="thresholds") == "thresholds.0.name"
    assert find_focus(fields, {}, {"thresholds.1.value": ["no unit"]}, at="title") == (
        "thresholds.1.value"
    )


def test_a_form_offers_what_the_urban_function_has() -> None:
    (model,) = (
        field
        for field in forms.narrow(build_fields(FORMS["device"], CATALOGUE), CATALOGUE, "weather")
        if field.name == "model"
    )
    first = model.choices[0][0]
    assert first in {each.name for each in CATALOGUE.domains["weather"].models}
    assert len(model.choices) == len(CATALOGUE.models)
    (thresholds,) = (
        field
        for field in forms.narrow(build_fields(FORMS["site"], CATALOGUE), CATALOGUE, "weather")
        if field.name == "thresholds"
    )
    own = {each.name for each in CATALOGUE.domains["weather"].thresholds}
    assert {word for word, _ in thresholds.columns[0].choices} == own

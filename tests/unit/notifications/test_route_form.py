"""A route in a form: what it shows, what stays of the file around it."""

from dataclasses import replace

import pytest

from hypervisor.base import reader
from hypervisor.notifications import route_form
from hypervisor.notifications.route_file import read_routes
from hypervisor.notifications.routes import Routes
from rules._errors import RuleError

FIELDS = route_form.build_fields({})
FILE = """# our routes
routes:
  # the first
  - name: duty          # of the day
    when: {severity: major, categories: hazard, labels: {crew: north}, domains: [flood, weather]}
    hours:
      - {days: mon-fri, from: "08:00", to: "18:00"}
      - days: [weekend, holiday]
    time zone: America/Martinique
    channels:
      - mailtos://alarms:${SMTP_PASSWORD}@smtp.town.example?to=duty@town.example
      - {name: town, webhook: "https://u:secret@town.example/alarms"}
    escalate: {after: 15 min, to: chief}

  # the chief
  - {name: chief, only escalated: yes, channels: ["mailto://u:secret@mail.example"]}
dead man:
  every: 5 min
  channels: [{webhook: "https://elsewhere.example/ping"}]
"""
NEW = {
    "name": "night",
    "language": "fr",
    "hours.0.days": "mon-sun",
    "hours.0.from": "18:00",
    "hours.0.to": "08:00",
    "channels.3.kind": "mqtt",
    "channels.3.target": "hypervisor/alarms",
}


def read(text: str) -> Routes:
    return read_routes(text, file="routes")


def save(text: str, name: str, **changed: str) -> str:
    """The file after the form of a route was saved with some inputs changed."""
    before = route_form.find_route(text, name) or {}
    values = {**route_form.fill_values(before), **changed}
    return route_form.put_route(text, name, route_form.build_route(FIELDS, values, before))


@pytest.mark.parametrize("name", ["duty", "chief"])
def test_a_form_that_nobody_touched_says_the_same(name: str) -> None:
    assert read(save(FILE, name)) == read(FILE)


def test_a_form_shows_no_secret_and_keeps_it() -> None:
    values = route_form.fill_values(route_form.find_route(FILE, "duty") or {})
    assert "secret" not in str(values)
    assert values["channels.1.target"] == "https://town.example/…"
    assert "https://u:secret@town.example/alarms" in save(FILE, "duty")
    other = save(FILE, "duty", **{"channels.1.target": "https://other.example/hook"})
    assert read(other).routes[0].channels[1].fields["target"] == "https://other.example/hook"


def test_what_stands_around_a_route_stays() -> None:
    saved = save(FILE, "duty", remind="30 min")
    assert saved.startswith("# our routes\nroutes:\n  # the first\n  - name: ")
    assert saved.endswith(FILE[FILE.index("\n  # the chief") :])
    route = read(saved).routes[0]
    assert (route.remind, route.zone) == (1_800_000_000, "America/Martinique")
    assert route.labels == {("crew", "north")}


@pytest.mark.parametrize(
    "text",
    [
        FILE,
        "",
        "routes: []\n",
        "routes: [{name: a, channels: [{mqtt: x}]}]\n",
        "routes:\n- name: a\n  channels: [{mqtt: x}]",
        "routes:\n  -\n    name: a\n    channels: [{mqtt: x}]\n",
    ],
)
def test_a_route_is_added_behind_the_others(text: str) -> None:
    before = read(text).routes if text else ()
    route = route_form.build_route(FIELDS, NEW, {})
    after = read(route_form.put_route(text, "", route))
    assert after.routes[:-1] == before
    assert (after.routes[-1].name, after.routes[-1].hours[0].begins) == ("night", 18 * 60)
    assert after.dead_man == (read(text).dead_man if text else None)


def test_a_route_is_taken_out() -> None:
    less = route_form.put_route(FILE, "duty", None)
    assert [route.name for route in read(less).routes] == ["chief"]
    assert "# our routes" in less
    none = read(route_form.put_route(less, "chief", None))
    assert (none.routes, none.dead_man) == ((), read(FILE).dead_man)
    assert route_form.put_route(FILE, "nobody", None) == FILE


def test_words_without_an_entry_match_all() -> None:
    values = {"domains": "flood, weather,", "severity": "", "only escalated": "false"}
    made = route_form.build_route(FIELDS, {"name": "a", **values}, {})
    assert made == {"name": "a", "when": {"domains": ["flood", "weather"]}, "channels": []}


def test_days_are_entered_and_shown_in_the_readers_language() -> None:
    with reader.reading(replace(reader.current(), language="fr")):
        made = save(FILE, "duty", **{"hours.1.days": "férié, Sam-dim, week-end"})
        days = route_form.fill_values(route_form.find_route(made, "duty") or {})
        assert days["hours.0.days"] == "lun-ven"
        assert days["hours.1.days"] == "férié, sam-dim, week-end"
    (duty, _) = read(made).routes
    assert duty.hours[1].days == {"holiday", "sat", "sun", "weekend"}


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"hours.1.days": "mardy"}, "hours.1.days"),
        ({"hours.0.from": "soon"}, "hours.0.from"),
        ({"channels.4.target": "duty@town.example"}, "channels.4.target"),
        ({"remind": "often"}, "remind"),
        ({"escalate.to": "nobody"}, "escalate.to"),
        ({"severity": "huge"}, "severity"),
    ],
)
def test_a_slip_is_shown_beside_its_input(changed: dict[str, str], where: str) -> None:
    before = route_form.find_route(FILE, "duty") or {}
    values = {**route_form.fill_values(before), **changed}
    made = route_form.put_route(FILE, "duty", route_form.build_route(FIELDS, values, before))
    with pytest.raises(RuleError) as error:
        read(made)
    assert route_form.find_input(made, error.value.place, FIELDS, values) == where

"""A routes' file: what it may say, and each usual slip with a message that mends it."""

from dataclasses import replace

import pytest

from hypervisor.notifications.hours import Hours
from hypervisor.notifications.route_file import Vocabulary, read_routes
from hypervisor.notifications.routes import EVENTS, Channel, DeadMan, Escalation, Route, Routes
from rules._errors import RuleError

KNOWN = Vocabulary(
    domains=frozenset({"flood", "lighting"}),
    areas=frozenset({"91021", "Arpajon"}),
    sites=frozenset({"orge"}),
    rules=frozenset({"flood-level"}),
)
MAIL = "mailto://u:p@mail.example"


def test_all_that_a_route_may_say() -> None:
    routes = read_routes(
        f"""
routes:
  - name: duty
    when: {{domains: [flood], areas: Arpajon, severity: major, categories: hazard}}
    hours:
      - {{days: [mon-thu, holiday], from: "18:30", to: "8:00"}}
      - {{days: weekend}}
    time zone: America/Martinique
    language: en
    channels: ["{MAIL}", {{name: board, mqtt: hypervisor/alarms}}]
    remind: 30 min
    escalate: {{after: 1 h, to: chief}}
  - {{name: chief, only escalated: yes, channels: ["mailtos://${{SMTP}}"]}}
dead man: {{every: 5 min, channels: [{{webhook: "https://watch.example/ping"}}]}}
""",
        file="routes.yaml",
        vocabulary=KNOWN,
    )
    duty, chief = routes.routes
    assert duty.hours[0].days == {"mon", "tue", "wed", "thu", "holiday"}
    assert (duty.hours[0].begins, duty.hours[0].ends) == (18 * 60 + 30, 8 * 60)
    assert (duty.hours[1].begins, duty.hours[1].ends) == (0, 24 * 60)
    assert duty.escalate == Escalation(after=3_600_000_000, to="chief")
    assert [(one.name, one.kind) for one in duty.channels] == [("1", "apprise"), ("board", "mqtt")]
    assert (duty.zone, duty.language, duty.areas) == (
        "America/Martinique",
        "en",
        frozenset({"Arpajon"}),
    )
    assert chief.only_escalated
    assert (chief.severity, chief.events, chief.language) == ("info", frozenset(EVENTS), "fr")
    assert routes.dead_man is not None
    assert routes.dead_man.every == 300_000_000
    assert routes.channel("dead man", "1") == routes.dead_man.channels[0]


def route(rest: str) -> str:
    return f"routes:\n  - {{name: duty, channels: ['{MAIL}'], {rest}}}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("routs: []", "r:1:1: a routes file has no 'routs'; did you mean 'routes'?"),
        ("dead man: {every: 1 h, channels: []}", "a routes file needs 'routes'"),
        (
            route("chanels: []"),
            "a route has no 'chanels'; did you mean 'channels'?",
        ),
        ("routes: [{channels: []}]", "r:1:10: a route needs 'name'"),
        ("routes: [{name: a b, channels: []}]", "r:1:17: 'a b' cannot name a route"),
        (route("when: {severity: majr}"), "'majr' is not a severity; did you mean 'major'?"),
        (route("when: {areas: [Arpajn]}"), "did you mean 'Arpajon'?"),
        (route("when: {sites: [orge2]}"), "did you mean 'orge'?"),
        (route("when: {rules: flood-levle}"), "did you mean 'flood-level'?"),
        (route("when: {domains: []}"), "domains is empty: leave it out for all of them"),
        (route("when: {events: [raise]}"), "did you mean 'raised'?"),
        (route("hours: [{days: [mondey]}]"), "'mondey' is not a day; did you mean 'mon'?"),
        (route("hours: [{from: 25:00}]"), "'25:00' is not a time of day such as \"18:30\""),
        (route("hours: []"), "`hours` is empty: leave it out for always"),
        (route("time zone: Europe/Pari"), "did you mean 'Europe/Paris'?"),
        (route("language: french"), "'french' is not a language; expected one of en, fr"),
        (route("remind: 30"), "30 has no unit; a duration is written like 30 min"),
        (route("remind: 30 mnn"), "'mnn' is not a unit of time"),
        (route("escalate: {to: duty, after: 5 min}"), "a route cannot escalate to itself"),
        (route("escalate: {to: cheif, after: 5 min}"), "there is no route 'cheif'"),
        (route("escalate: 15 min"), "expected `escalate`, a mapping; found '15 min'"),
        (route("escalate: {to: chief}"), "`escalate` needs 'after'"),
        ("routes: [{name: a, channels: []}]", "a route needs a channel"),
        ("routes: [{name: a, channels: [mialto://x]}]", "did you mean 'mailto'?"),
        (
            "routes: [{name: a, channels: ['mailto://']}]",
            "complete address of the kind mailto",
        ),
        ("routes: [{name: a, channels: [{webhook: town/x}]}]", "expected a webhook such as https"),
        (
            "routes: [{name: a, channels: [{cloudevents: town/x}]}]",
            "expected a webhook such as https",
        ),
        ("routes: [{name: a, channels: [{mqtt: 'a/#'}]}]", "expected a topic such as"),
        (
            "routes: [{name: a, channels: [{name: x}]}]",
            "one of apprise, mqtt, webhook, cloudevents, cloudevents binary; found none",
        ),
        (
            route("") + f"  - {{name: duty, channels: ['{MAIL}']}}",
            "the route in line 2 is named 'duty', too",
        ),
        ("routes: [", "r:1:10: this is not YAML"),
    ],
)
def test_a_slip_is_told_where_it_is(text: str, told: str) -> None:
    with pytest.raises(RuleError) as error:
        read_routes(text, file="r", vocabulary=KNOWN)
    assert told in str(error.value)


def test_what_an_instance_does_not_know_yet_is_taken() -> None:
    [one] = read_routes(route("when: {areas: [Arpajn]}"), file="r").routes
    assert one.areas == {"Arpajn"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "routes: [{name: a, channels: ['xyzzyx://x']}]",
            "'xyzzyx' is not a kind of channel; expected one such as mailto://",
        ),
        (
            route("time zone: Xyzzy/Xyzzyx"),
            "'Xyzzy/Xyzzyx' is not a time zone; expected one such as Europe/Paris",
        ),
        (route("remind: 999 ms"), "expected a second or more"),
        (route("hours: [{days: []}]").replace("[]", "mon-xxx"), "'xxx' is not a day"),
        (route("hours: [{days: holiday-sun}]"), "'holiday' is not a day"),
        (route("hours: [{from: '24:01'}]"), "'24:01' is not a time of day"),
        (route("hours: [{from: '18:60'}]"), "'18:60' is not a time of day"),
        ("routes: [{name: a, channels: [{mqtt: '/'}]}]", "'/': expected a topic such as"),
        ("routes: [{name: a, channels: [{mqtt: 'a/+'}]}]", "'a/+': expected a topic such as"),
        ("routes: [{name: a, channels: [{webhook: 'ftp://x'}]}]", "'ftp://x': expected a webhook"),
        ("routes: [{name: a, channels: [{webhook: 'http://'}]}]", "'http://': expected a webhook"),
        (
            "routes: [{name: a, channels: [{mqtt: x, webhook: 'http://x'}]}]",
            "cloudevents binary; found mqtt, webhook",
        ),
        ("routes: [{name: a, channels: [{name: 'a b', mqtt: x}]}]", "'a b' cannot name a channel"),
        (
            "routes: [{name: a, channels: [{name: x, mqtt: x}, {name: x, mqtt: y}]}]",
            "two channels are named 'x'",
        ),
        ("routes: [{name: a}]", "a route needs 'channels'"),
        (route("only escalated: maybe"), "'maybe' is not yes or no"),
        ("{routes: [], dead man: {every: 1 h}}", "`dead man` needs 'channels'"),
        ("{routes: [], dead man: {channels: [{mqtt: x}]}}", "`dead man` needs 'every'"),
        (
            "{routes: [], dead man: {every: 1 h, channels: [{mqtt: x}], language: de}}",
            "'de' is not a language",
        ),
        (route("escalate: {after: 5 min}"), "`escalate` needs 'to'"),
    ],
)
def test_another_slip_is_told(text: str, told: str) -> None:
    with pytest.raises(RuleError) as error:
        read_routes(text, file="r", vocabulary=KNOWN)
    assert told in str(error.value)


def test_what_a_route_leaves_out_and_what_it_just_may_say() -> None:
    plain, full = read_routes(
        f"""
routes:
  - {{name: plain, channels: ["{MAIL}"]}}
  - name: full.2-b_C
    when: {{sites: orge, rules: [flood-level], labels: {{crew: north}}, events: [raised]}}
    hours: [{{days: [sat-mon], to: "24:00"}}, {{days: mon-mon, from: 0:00, to: 9h05}}, {{}}]
    only escalated: no
    remind: 1 s
    call: " Duty engineer, 01 60 00 00 00 "
    channels: [{{mqtt: /a/b}}, {{apprise: "{MAIL}"}}, {{webhook: "https://${{X}}/y"}}]
""",
        file="r",
        vocabulary=replace(KNOWN, zone="America/Martinique"),
    ).routes
    assert plain == Route(
        name="plain",
        channels=(Channel(name="1", kind="apprise", fields={"target": MAIL}),),
        zone="America/Martinique",
    )
    days = frozenset({"mon", "tue", "wed", "thu", "fri", "sat", "sun"})
    assert full == Route(
        name="full.2-b_C",
        sites=frozenset({"orge"}),
        rules=frozenset({"flood-level"}),
        labels=frozenset({("crew", "north")}),
        events=frozenset({"raised"}),
        hours=(
            Hours(days=frozenset({"sat", "sun", "mon"})),
            Hours(days=frozenset({"mon"}), begins=0, ends=545),
            Hours(days=days),
        ),
        remind=1_000_000,
        call="Duty engineer, 01 60 00 00 00",
        zone="America/Martinique",
        channels=(
            Channel(name="1", kind="mqtt", fields={"target": "/a/b"}),
            Channel(name="2", kind="apprise", fields={"target": MAIL}),
            Channel(name="3", kind="webhook", fields={"target": "https://${X}/y"}),
        ),
    )
    assert (full.only_escalated, full.severity, full.language) == (False, "info", "fr")
    man = read_routes(
        "{routes: [], dead man: {every: 1 min, channels: [{mqtt: x}]}}", file="r"
    ).dead_man
    assert man == DeadMan(
        every=60_000_000,
        channels=(Channel(name="1", kind="mqtt", fields={"target": "x"}),),
        language="fr",
    )
    assert read_routes("routes: []", file="r") == Routes()


def test_a_channel_is_found_by_its_route_and_its_name() -> None:
    routes = read_routes(
        "{routes: [{name: a, channels: [{mqtt: x}, {name: n, mqtt: y}]}, {name: b, channels:"
        " [{mqtt: z}]}], dead man: {every: 1 min, channels: [{mqtt: w}]}}",
        file="r",
    )

    def target(route: str, name: str) -> str | None:
        found = routes.channel(route, name)
        return None if found is None else found.fields["target"]

    assert [target("a", "1"), target("a", "n"), target("b", "1")] == ["x", "y", "z"]
    assert [target("a", "2"), target("c", "1"), target("dead man", "1")] == [None, None, "w"]
    assert routes.named("b") == routes.routes[1]
    assert (routes.named("c"), Routes().channel("dead man", "1")) == (None, None)

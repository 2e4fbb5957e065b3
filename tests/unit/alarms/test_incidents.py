"""Which alarms make an incident, against connected components counted plainly."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hypervisor.alarms.incidents import (
    Incident,
    Key,
    Location,
    Member,
    Silence,
    find_key,
    find_outages,
    group_alarms,
)

MINUTE = 60_000_000
ORGE = Key(domain="flood", category="hazard", grouped_by="river", name="Orge")


def _member(
    number: int, began: int, ended: int | None, severity: str = "minor", key: Key = ORGE
) -> Member:
    return Member(
        alarm=number, key=key, place=key.name, began=began, ended=ended, severity=severity
    )


def test_overlapping_and_following_within_the_quiet_time() -> None:
    members = [
        _member(4, 100, 200),
        _member(2, 150, 300, "critical"),
        _member(3, 310, 320, "major"),
        _member(5, 331, None),
    ]
    first, second = group_alarms(members, 10)
    assert (first.number, first.opened, first.ended, first.closes) == (2, 100, 320, 330)
    assert (first.severity, first.alarms, first.active) == ("critical", (4, 2, 3), 0)
    assert first.title == "Orge: flood"
    assert (second.number, second.ended, second.closes, second.active) == (5, None, None, 1)


def test_one_that_lasts_takes_all_that_come_after() -> None:
    (one,) = group_alarms([_member(1, 0, None), _member(2, 10_000, 10_001)], 1)
    assert (one.alarms, one.active, one.ended) == ((1, 2), 1, None)


def test_other_rivers_and_our_own_equipment_are_other_incidents() -> None:
    ours = Key(domain="flood", category="maintenance", grouped_by="river", name="Orge")
    yvette = Key(domain="flood", category="hazard", grouped_by="river", name="Yvette")
    incidents = group_alarms(
        [_member(1, 0, 9), _member(2, 0, 9, key=ours), _member(3, 0, 9, key=yvette)], 5
    )
    assert [incident.title for incident in incidents] == [
        "Orge: flood",
        "Orge: flood, maintenance",
        "Yvette: flood",
    ]


def _silent(*begins: float, sites: str = "abcdefgh", domain: str = "flood") -> list[Silence]:
    """Silences that began at minutes, one at each of the sites."""
    return [
        Silence(alarm=number, domain=domain, began=round(at * MINUTE), site=site)
        for number, (at, site) in enumerate(zip(begins, sites, strict=False), start=1)
    ]


def test_five_sites_that_fall_silent_one_after_another_have_one_cause() -> None:
    keys = find_outages([*_silent(0, 5, 20, 35, 40, 56), *_silent(1, 2, 3, domain="weather")])
    outage = Key(
        domain="flood", category="maintenance", grouped_by="outage", name="1970-01-01T00:00:00Z"
    )
    assert keys == dict.fromkeys(range(1, 6), outage)  # the sixth came after a pause


def test_fewer_or_the_same_site_again_and_again_are_no_outage() -> None:
    assert find_outages(_silent(0, 1, 2, 3)) == {}
    assert find_outages(_silent(0, 1, 2, 3, 4, 5, sites="aabbcd")) == {}


@given(
    st.lists(st.tuples(st.integers(0, 60), st.one_of(st.none(), st.integers(0, 20))), max_size=12),
    st.integers(0, 10),
    st.randoms(use_true_random=False),
)
def test_an_incident_is_what_hangs_together(
    alarms: list[tuple[int, int | None]], quiet: int, dice: object
) -> None:
    members = [
        _member(number, began, None if lasts is None else began + lasts)
        for number, (began, lasts) in enumerate(alarms, 1)
    ]

    def near(member: Member, other: Member) -> bool:
        first, then = sorted((member, other), key=lambda each: each.began)
        return first.ended is None or then.began <= first.ended + quiet

    sets = [{member.alarm} for member in members]
    for member in members:
        for other in members:
            if near(member, other):
                joined = [each for each in sets if member.alarm in each or other.alarm in each]
                sets = [each for each in sets if each not in joined] + [set().union(*joined)]
    shuffled = list(members)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    incidents = group_alarms(shuffled, quiet)
    assert incidents == group_alarms(members, quiet)
    assert sorted(sorted(incident.alarms) for incident in incidents) == sorted(
        sorted(each) for each in sets
    )


def test_the_key_of_an_alarm() -> None:
    full = Location(
        site=("orge", "Orge at Épinay"),
        group=("cab", "Cabinet"),
        commune=("91216", "Épinay-sur-Orge"),
        river=("Orge", "Orge"),
        subject=("device/d", "D: x"),
    )

    def key(domain: str, wanted: str | None, where: Location) -> tuple[str, str]:
        found, title = find_key(domain, "hazard", wanted, where)
        return found.text, title

    assert key("flood", None, full) == ("flood/hazard/river/Orge", "Orge")
    assert key("lighting", None, full) == ("lighting/hazard/site/orge", "Orge at Épinay")
    assert key("water_quality", None, full)[0] == "water_quality/hazard/commune/91216"
    assert key("flood", "group", full) == ("flood/hazard/group/cab", "Cabinet")
    no_river = Location(commune=("91216", "É"), subject=("s", "S"))
    assert key("flood", None, no_river)[0] == "flood/hazard/commune/91216"
    nowhere = Location(subject=("device/d", "D: x"))
    assert key("flood", None, nowhere) == ("flood/hazard/subject/device/d", "D: x")


def test_an_incident_has_all_its_parts() -> None:
    (one,) = group_alarms([_member(3, 20, 40, "info"), _member(7, 10, 30, "minor")], 5)
    assert one == Incident(
        number=3,
        domain="flood",
        category="hazard",
        grouped_by="river",
        name="Orge",
        title="Orge: flood",
        opened=10,
        ended=40,
        closes=45,
        severity="minor",
        alarms=(7, 3),
        active=0,
    )
    (odd,) = group_alarms([_member(1, 0, 9, "info"), _member(2, 0, 9, "grave")], 5)
    assert odd.severity == "info"


def test_the_first_to_open_comes_first_then_the_lower_number() -> None:
    keys = [replace(ORGE, name=name) for name in "abc"]
    found = group_alarms(
        [
            _member(9, 5, 6, key=keys[0]),
            _member(2, 5, 6, key=keys[1]),
            _member(4, 1, 2, key=keys[2]),
        ],
        0,
    )
    assert [one.number for one in found] == [4, 2, 9]


def test_of_alarms_of_one_beginning_the_lower_number_comes_first() -> None:
    (one,) = group_alarms([_member(5, 0, 9), _member(2, 0, 3), _member(3, 9, 9)], 0)
    assert one.alarms == (2, 5, 3)
    first, second = group_alarms([_member(1, 0, 3), _member(2, 4, 9)], 0)
    assert (first.alarms, second.alarms) == ((1,), (2,))


def test_a_rule_groups_by_places_alone() -> None:
    full = Location(
        site=("orge", "Orge at Épinay"), commune=("91216", "Épinay"), subject=("s", "S")
    )
    for wanted in ("subject", "group", "nonsense"):
        assert find_key("flood", "hazard", wanted, full)[0].text == "flood/hazard/commune/91216"
    at_site = replace(full, commune=None)
    assert find_key("flood", "maintenance", None, at_site) == (
        Key(domain="flood", category="maintenance", grouped_by="site", name="orge"),
        "Orge at Épinay",
    )

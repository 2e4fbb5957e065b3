"""Every rule of the packs has something to watch in the Essonne, and nothing that it should not."""

from collections import Counter

from hypervisor.evaluation.power_schedule import PowerSchedule
from hypervisor.evaluation.territory import arrange
from rules._pack import packs
from sensors._domain import catalogue
from tests.unit.packs.judging import registry_of


def test_every_rule_has_its_subjects() -> None:
    territory = arrange(registry_of("essonne"), catalogue(), PowerSchedule(retention=0))
    rules = {rule.id: rule for pack in packs() for rule in pack.rules}
    counter = Counter(rule for rule, _ in territory.revisions)
    assert set(counter) == {key for key, rule in rules.items() if not rule.needed_forecasts}
    for rule, subject in territory.revisions:
        assert territory.subjects[subject].domain == rules[rule].domain
    assert {rule: counter[rule] for rule in EXPECTED} == EXPECTED


EXPECTED = {
    "flood-level": 16,
    "flood-basin-full": 2,
    "flood-clock": 25,
    "weather-rain": 8,
    "weather-gust": 4,
    "weather-gust-crane": 2,
    "weather-frost": 4,
    "weather-silent": 10,
    "lighting-supply-lost": 30,
    "lighting-contactor": 30,
    "lighting-lamps-out": 30,
    "lighting-cabinet-silent": 30,
    "lighting-lamp-fault": 1_200,
    "lighting-lamp-silent": 1_200,
    "lighting-clock": 1_230,
    "mobility-congestion": 40,
    "mobility-sensor-silent": 50,
    "mobility-occupancy-stuck": 40,
}

"""How alerts are read: by default, and as a file says."""

import pytest

from hypervisor.base.person import EVERYWHERE, Territory
from hypervisor.external.mapping import HOUR, Places, SourceMapping, describe
from hypervisor.external.mapping_file import read_mappings
from hypervisor.external.model import Alert
from sensors._errors import TerritoryError

PLACES = Places(sites={"orge": "91021"}, communes={"91021": "91021", "arpajon": "91021"})
FILE = """
sources:
  prometheus:
    severity: {label: prio, values: {"1": critical, "2": minor}, default: info}
    site: {label: instance, values: {"pump-3:9100": orge}}
    commune: {label: [town, city]}
    domain: flood
    category: maintenance
    title: ["{job} stopped", "{alertname}"]
    advice: "Call {who}."
    stale after: 30 min
    at most: 200
  grafana:
"""


def alert(annotations: dict[str, str] | None = None, **labels: str) -> Alert:
    return Alert(
        fingerprint="f00d",
        firing=True,
        starts=0,
        labels={"alertname": "DiskFull", **labels},
        annotations=annotations or {},
    )


@pytest.mark.parametrize(
    ("written", "severity"),
    [
        ("critical", "critical"),
        ("CRITICAL", "critical"),
        ("warning", "minor"),
        ("none", "info"),
        ("nonsense", "major"),
        ("", "major"),
    ],
)
def test_the_usual_severities(written: str, severity: str) -> None:
    wording = describe(alert(severity=written), SourceMapping(), PLACES)
    assert wording.severity == severity


@pytest.mark.parametrize(
    ("labels", "annotations", "title"),
    [
        ({"instance": "srv1"}, {"summary": "full\n  on srv1"}, "full on srv1"),
        ({"instance": "srv1"}, {}, "DiskFull: srv1"),
        ({}, {}, "DiskFull"),
        ({"alertname": ""}, {}, "f00d"),
        ({"alertname": "{summary}"}, {}, "{summary}"),
    ],
)
def test_the_usual_titles(labels: dict[str, str], annotations: dict[str, str], title: str) -> None:
    assert describe(alert(annotations, **labels), SourceMapping(), PLACES).title == title


def test_the_usual_places() -> None:
    at_site = describe(alert(site="orge"), SourceMapping(), PLACES)
    assert (at_site.site, at_site.commune) == ("orge", None)
    in_commune = describe(alert(commune="Arpajon "), SourceMapping(), PLACES)
    assert (in_commune.site, in_commune.commune) == (None, "91021")
    nowhere = describe(alert(site="elsewhere", commune="75056"), SourceMapping(), PLACES)
    assert (nowhere.site, nowhere.commune) == (None, None)


def test_places_of_a_territory() -> None:
    places = Places(
        sites={"orge": "91021", "yvette": "91645", "mast": None},
        communes={"91021": "91021", "arpajon": "91021", "91645": "91645"},
    )
    assert places.within(EVERYWHERE) == places
    north = places.within(Territory(communes=frozenset({"91021"})))
    assert north == PLACES
    assert list(places.within(Territory(unplaced=True)).sites) == ["mast"]


def test_advice_with_the_runbook() -> None:
    annotations = {"description": "Free space.", "runbook_url": "https://runbook.example/7"}
    wording = describe(alert(annotations), SourceMapping(), PLACES)
    assert wording.advice == "Free space.\nhttps://runbook.example/7"


def test_a_file_says_how() -> None:
    mapping = read_mappings(FILE, file="sources.yaml").of("prometheus")
    one = alert(prio="1", instance="pump-3:9100", job="pump", who="Anne")
    wording = describe(one, mapping, PLACES)
    assert (wording.severity, wording.site, wording.domain) == ("critical", "orge", "flood")
    assert (wording.category, wording.title) == ("maintenance", "pump stopped")
    assert wording.advice == "Call Anne."
    other = describe(alert(prio="9", city="arpajon"), mapping, PLACES)
    assert (other.severity, other.commune, other.title) == ("info", "91021", "DiskFull")
    assert (mapping.stale_after, mapping.most) == (HOUR // 2, 200)


def test_a_source_that_is_not_named_is_read_by_the_defaults() -> None:
    mappings = read_mappings(FILE, file="sources.yaml")
    assert mappings.of("grafana") == mappings.of("zabbix") == SourceMapping()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sources: {zabbix: {}}", "1:11: the sources has no 'zabbix'"),
        ("sources: {prometheus: {severity: {default: high}}}", "'high' is not known here"),
        ("sources: {prometheus: {severity: urgent}}", "'urgent' is not known here"),
        ("sources: {prometheus: {site: {values: {a: orgue}}}}", "did you mean 'orge'?"),
        ("sources: {prometheus: {domain: floods}}", "did you mean 'flood'?"),
        ("sources: {prometheus: {stale after: soon}}", "'soon'"),
        ("sources: {prometheus: {stale after: 5 s}}", "expected a minute or more"),
        ("sources: {prometheus: {at most: 0}}", "1 to 5000"),
        ("sources: {prometheus: {tittle: x}}", "did you mean 'title'?"),
        ("source: {}", "did you mean 'sources'?"),
    ],
)
def test_a_wrong_file_says_where(text: str, sentence: str) -> None:
    with pytest.raises(TerritoryError) as error:
        read_mappings(
            text, file="f", sources=["prometheus"], sites=["orge"], domains=["external", "flood"]
        )
    assert sentence in str(error.value), str(error.value)

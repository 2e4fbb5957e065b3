"""Forecasts of others: what files hold, and what is wrong with those that cannot be read."""

from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.forecast.experts import ExpertFileError
from hypervisor.forecast.queries_experts import StandingExpert
from hypervisor.forecast.service_experts import find_arrival, read_file, summarize

NOW = datetime(2026, 3, 1, 6, tzinfo=UTC)
TENDENCIES = """\
# Sorties d'EXPRESSO du 01/03/2026 06:20 (UTC)
# TZ ; UTC
# Q ; m3/s
# H ; m
Stations;T9100001;T9100001;T9100001;T910000101
Grandeurs;Q;Q;Q;H
IdSeries;a_basse_10;a_centrale_50;a_haute_90;b_centrale_50
# Tendances;basse_10;centrale_50;haute_90;centrale_50
# DtDerObs;01-03-2026 06:00;01-03-2026 06:00;01-03-2026 06:00;01-03-2026 06:00
01-03-2026 07:00;9.5;11.0;12.25;1.05
01-03-2026 08:00;-99.900;14.0;18.0;1.30
"""
ENSEMBLE = """\
# Sorties de GRP du 01/03/2026 06:20 (UTC)
# TZ ; UTC+1
Stations;T9100001;T9100001;
Grandeurs;Q;Q;
IdSeries;45GRPd000;45GRPd000;
# Modeles;GRP;GRP;
# Scenarios;0001;0002;
01-03-2026 08:00;10,5;11;
01-03-2026 09:00;10.5;-999.999;
"""
SIMUL = """\
<?xml version="1.0" encoding="UTF-8"?>
<hydrometrie xmlns="http://xml.sandre.eaufrance.fr/scenario/hydrometrie/1.1">
 <Scenario><Emetteur><CdIntervenant schemeAgencyID="SIRET">1537</CdIntervenant>
  <NomIntervenant>SPC d'essai</NomIntervenant></Emetteur></Scenario>
 <Donnees><Simuls>
  <Simul><CdStationHydro>T910000101</CdStationHydro><GrdSimul>H</GrdSimul>
   <DtProdSimul>2026-03-01T06:10:00</DtProdSimul><ComSimul>{p}Montée lente.{/p}</ComSimul>
   <CdModelePrevision>13_08</CdModelePrevision>
   <Prevs>
    <Prev><DtPrev>2026-03-01T09:00:00</DtPrev><ResMoyPrev>1500</ResMoyPrev>
     <ResMinPrev>1400</ResMinPrev><ResMaxPrev>1650</ResMaxPrev>
     <ProbsPrev><ProbPrev><PProbPrev>75</PProbPrev><ResProbPrev>1570</ResProbPrev></ProbPrev>
     </ProbsPrev></Prev>
    <Prev><DtPrev>2026-03-01T07:00:00+01:00</DtPrev><ResMoyPrev>1200</ResMoyPrev></Prev>
   </Prevs></Simul>
  <Simul><CdSiteHydro>T9100001</CdSiteHydro><GrdSimul>RR</GrdSimul>
   <DtProdSimul>2026-03-01T06:10:00</DtProdSimul></Simul>
 </Simuls></Donnees>
</hydrometrie>
"""
MEMBERS = """\
<hydrometrie><Donnees><Simuls><Simul><CdSiteHydro>T9100001</CdSiteHydro><GrdSimul>Q</GrdSimul>
<DtProdSimul>2026-03-01T06:10:00Z</DtProdSimul><DtDerObsSimul>2026-03-01T06:00:00Z</DtDerObsSimul>
<PrevsEnsemble><PrevEnsemble><DtPrevEnsembliste>2026-03-01T07:00:00Z</DtPrevEnsembliste>
<MembresPrevEnsemble>
<MembrePrevEnsemble><LbMembrePrevEnsemble>m1</LbMembrePrevEnsemble>
<ResMembrePrevEnsemble>10500</ResMembrePrevEnsemble></MembrePrevEnsemble>
<MembrePrevEnsemble><LbMembrePrevEnsemble>m2</LbMembrePrevEnsemble>
<ResMembrePrevEnsemble>12000</ResMembrePrevEnsemble></MembrePrevEnsemble>
</MembresPrevEnsemble></PrevEnsemble></PrevsEnsemble></Simul></Simuls></Donnees></hydrometrie>
"""


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_tendencies_in_columns_are_forecasts_of_their_gauges(ends: str) -> None:
    data = TENDENCIES.replace("\n", ends).encode("utf-8-sig")
    file = read_file(data, "a.prv")
    discharge, level = file.forecasts
    assert (file.issuer, file.name) == ("EXPRESSO", "a.prv")
    assert (discharge.code, discharge.grandeur, discharge.model) == ("T9100001", "Q", "a")
    assert discharge.issued == NOW
    assert list(discharge.levels) == [0.1, 0.5, 0.9]
    assert list(discharge.times) == [NOW + timedelta(hours=1), NOW + timedelta(hours=2)]
    assert discharge.values == [[9.5, 11.0, 12.25], [None, 14.0, 18.0]]
    assert (level.code, level.values) == ("T910000101", [[1.05], [1.3]])


def test_members_in_columns_have_no_probability_and_the_head_says_when() -> None:
    (forecast,) = read_file(ENSEMBLE.encode(), "b.prv").forecasts
    assert (forecast.model, list(forecast.labels)) == ("GRP", ["0001", "0002"])
    assert list(forecast.levels) == [None, None]
    assert forecast.issued == NOW - timedelta(minutes=40)  # the head is in the zone of the rows
    assert forecast.times[0] == NOW + timedelta(hours=1)
    assert forecast.values == [[10.5, 11.0], [10.5, None]]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Stations;", "Postes;", "'Stations'"),
        ("Grandeurs;Q;Q;Q;H", "Grandeurs;Q;Q;H", "line 6: grandeurs has 3 columns, Stations 4"),
        ("01-03-2026 07:00;", "2026-03-01 07:00;", "line 10: '2026-03-01 07:00' is no time"),
        ("01-03-2026 08:00;", "01-03-2026 07:00;", "line 11: its time is not after"),
        ("14.0;18.0", "14.0", "line 11 has 3 values, the head 4 columns"),
        ("14.0;", "high;", "line 11: 'high' is no number"),
        ("# Q ; m3/s", "# Q ; ft3/s", "line 3: unit 'ft3/s' of Q; expected m3/s"),
        ("# TZ ; UTC", "# TZ ; MARS", "line 2: time zone 'MARS'"),
        ("T910000101", "Orge", "line 5, column 5: 'ORGE' is no code"),
        ("Q;Q;Q;H", "P;P;P;P", "no column of H or Q"),
    ],
)
def test_a_file_that_differs_is_a_sentence_with_its_line(old: str, new: str, words: str) -> None:
    with pytest.raises(ExpertFileError) as caught:
        read_file(TENDENCIES.replace(old, new, 1).encode(), "a.prv")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "data", [b"", b" \n", b"\xef\xbb\xbf", b"a;b\n1;2\n", b"<a/>", b"\x00" * 9]
)
def test_what_is_no_forecast_is_a_sentence(data: bytes) -> None:
    with pytest.raises(ExpertFileError):
        read_file(data, "a")


def test_without_an_issue_time_nothing_is_read() -> None:
    lines = [line for line in TENDENCIES.splitlines() if "DtDerObs" not in line]
    with pytest.raises(ExpertFileError, match="no issue time"):
        read_file("\n".join(lines[1:]).encode(), "a.prv")


def test_a_simulation_of_sandre_has_tendencies_and_probabilities_in_metres() -> None:
    file = read_file(SIMUL.encode(), "a.xml")
    (forecast,) = file.forecasts
    assert (file.issuer, forecast.code, forecast.model) == ("SPC d'essai", "T910000101", "13_08")
    assert forecast.comment == "Montée lente."
    assert forecast.issued == forecast.produced == NOW + timedelta(minutes=10)
    assert list(forecast.levels) == [0.1, 0.5, 0.75, 0.9]
    assert list(forecast.times) == [NOW, NOW + timedelta(hours=3)]
    assert forecast.values[0] == [None, 1.2, None, None]
    assert forecast.values[1] == pytest.approx([1.4, 1.5, 1.57, 1.65])
    assert [str(note) for note in file.notes] == ["left out: quantity RR"]


def test_members_of_version_2_are_courses_without_a_probability() -> None:
    (forecast,) = read_file(MEMBERS.encode(), "a.xml").forecasts
    assert (list(forecast.labels), list(forecast.levels)) == (["m1", "m2"], [None, None])
    assert list(forecast.values[0]) == pytest.approx([10.5, 12.0])
    assert forecast.issued == NOW


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (SIMUL[:-30], "cut off"),
        (SIMUL.replace("2026-03-01T09:00:00<", "soon<"), "line 10: 'soon' is no time such as"),
        (SIMUL.replace("1500", "high"), "line 10: 'high' is no number"),
        (
            SIMUL.replace("<CdStationHydro>T910000101</CdStationHydro>", ""),
            "line 6: a simulation has neither",
        ),
        (SIMUL.replace("hydrometrie", "hydrologie"), "hydrologie"),
        ("<!DOCTYPE hydrometrie [<!ENTITY a 'b'>]><hydrometrie>&a;</hydrometrie>", "document type"),
        ("<hydrometrie>" + "<a>" * 200, "nested too deeply"),
        ("<hydrometrie></hydrometrie>", "no simulation"),
    ],
)
def test_xml_that_differs_or_is_hostile_is_a_sentence(data: str, words: str) -> None:
    with pytest.raises(ExpertFileError) as caught:
        read_file(data.encode(), "a.xml")
    assert words in str(caught.value)


def _standing(levels: list[float | None], *rows: list[float]) -> StandingExpert:
    return StandingExpert(
        site="orge",
        quantity="level",
        issuer="SPC",
        model="",
        issued=NOW,
        produced=None,
        labels=[str(n) for n in range(len(levels))],
        levels=levels,
        times=[NOW + timedelta(hours=n) for n in range(len(rows))],
        courses=[value for row in rows for value in row],
        comment="",
        code="",
        file="",
        author="",
        created_at=NOW,
    )


def test_when_it_reaches_a_level_is_its_middle_between_its_low_and_high_course() -> None:
    forecast = _standing([0.1, 0.5, 0.9], [1, 1, 1], [1, 1.5, 2], [1.5, 2, 3], [2, 2.5, 4])
    arrival = find_arrival(forecast, 1.75, NOW)
    assert arrival is not None
    assert arrival.at == NOW + timedelta(hours=1.5)
    assert (arrival.earliest, arrival.latest) == (
        NOW + timedelta(hours=0.75),
        NOW + timedelta(hours=2.5),
    )
    only_high = find_arrival(forecast, 3.5, NOW)
    assert only_high is not None
    assert (only_high.at, only_high.until) == (None, NOW + timedelta(hours=3))
    assert find_arrival(forecast, 5, NOW) is None
    assert find_arrival(forecast, 0.5, NOW) is None  # it is there


def test_an_ensemble_says_its_quantiles_and_a_run_itself() -> None:
    members = summarize(_standing([None] * 5, [1, 2, 3, 4, 5]))
    assert list(members.levels) == [0.1, 0.5, 0.9]
    assert list(members.rows[0]) == pytest.approx([1.4, 3, 4.6])
    run = _standing([None], [1], [2])
    assert summarize(run).course(0.5) == [(NOW, 1), (NOW + timedelta(hours=1), 2)]
    arrival = find_arrival(run, 1.5, NOW)
    assert arrival is not None
    assert arrival.at == arrival.earliest == arrival.latest

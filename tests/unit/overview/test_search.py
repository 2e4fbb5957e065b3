"""Folding, ranking and grouping of a search."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hypervisor.base.reader import Reader, reading
from hypervisor.overview import search
from hypervisor.overview.queries_search import Row
from hypervisor.overview.search import Hit

NOW = datetime(2024, 10, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("École", "ecole"),
        ("Saint-Germain-lès-Arpajon", "saint germain les arpajon"),
        ("L\u2019Œuvre d'Évry", "l oeuvre d evry"),
        ("cab-orsay-1", "cab orsay 1"),
        ("  ", ""),
        ("%_", ""),
    ],
)
def test_accents_case_and_punctuation_do_not_matter(text: str, folded: str) -> None:
    assert search.fold(text) == folded


@pytest.mark.parametrize(
    ("query", "rank"),
    [
        ("cote d alerte depassee", 0),
        ("flood level", 0),  # the identifier is a name, too
        ("cote", 1),
        ("alerte", 2),
        ("passee cote", 3),
        ("alrete", 4),
        ("depasse cotte", 4),
        ("pluie", None),
    ],
)
def test_how_well_words_fit(query: str, rank: int | None) -> None:
    names = ("Cote d\u2019alerte dépassée", "flood-level")
    assert search.rank(query, *names, alike=True) == rank
    assert search.rank(query, *names, alike=False) == (None if rank == 4 else rank)


def _hit(kind: str, title: str, rank: int, worst: int | None = None) -> Hit:
    return Hit(kind=kind, name=title, title=title, address="/", rank=rank, worst=worst, how="un")


def test_exact_names_come_first_then_active_alarms_by_kind() -> None:
    hits = [
        _hit("rule", "orge", 1),
        _hit("site", "Orge at Arpajon", 1),
        _hit("site", "Orge at Dourdan", 1, worst=2),
        _hit("alarm", "Orge above its alert level", 2, worst=1),
        _hit("river", "Orge", 0),
        Hit(kind="alarm", name="1", title="over", address="/", rank=1, worst=1, how="rtn"),
    ]
    groups = search.group(hits)
    assert [each.kind for each in groups] == ["river", "alarm", "site", "rule"]
    assert [hit.title for hit in groups[1].hits] == ["Orge above its alert level", "over"]
    assert [hit.title for hit in groups[2].hits] == ["Orge at Dourdan", "Orge at Arpajon"]


@pytest.mark.parametrize(
    ("language", "title"),
    [("en", "Orge: maintenance, floods"), ("fr", "Orge\N{NO-BREAK SPACE}: entretien, crues")],
)
def test_an_incident_is_named_in_the_readers_language(language: str, title: str) -> None:
    row = Row(
        kind="incident",
        name="4",
        title="Orge: flood, maintenance",
        title_fr=None,
        detail="flood/maintenance",
        site=None,
        rank=0,
        worst=None,
        state=None,
        since=NOW,
    )
    with reading(Reader(language=language, zone=ZoneInfo("Europe/Paris"), now=NOW)):
        hit = search._describe(row)  # noqa: SLF001
    assert hit.title == title
    assert "flood" not in hit.detail

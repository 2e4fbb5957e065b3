"""Courses matched with our rivers: names, gauges, the way between them and the flow."""

import numpy as np
import pytest

from hypervisor.geography.lines import cut, find_nearest, group_connected, join, measure, simplify
from hypervisor.geography.rivers import Gauge, Watercourse, fold, match_rivers, shorten

UP = np.array([(2.10, 48.50), (2.15, 48.52), (2.20, 48.52)])
DOWN = np.array([(2.20, 48.52), (2.25, 48.55), (2.30, 48.60)])
ARM = np.array([(2.20, 48.52), (2.22, 48.50), (2.25, 48.49)])
GAUGES = [
    Gauge(site="high", river="Orge", lon=2.15, lat=48.5205),
    Gauge(site="middle", river="Orge", lon=2.201, lat=48.521),
    Gauge(site="low", river="Orge", lon=2.2999, lat=48.5999),
]


def orge(*lines: np.ndarray, name: str = "L'Orge") -> Watercourse:
    return Watercourse(name=name, code="F46", lines=lines)


@pytest.mark.parametrize(
    ("name", "folded"),
    [
        ("L'Orge", "orge"),
        ("Rivière l'Orge", "orge"),
        ("La Rivière d'Étampes", "etampes"),
        ("Ru de la Prédecelle", "predecelle"),
        ("ESSONNE", "essonne"),
        ("Le Loing", "loing"),
        ("Lalouette", "lalouette"),
    ],
)
def test_names_are_compared_without_accents_and_articles(name: str, folded: str) -> None:
    assert fold(name) == folded


@pytest.mark.parametrize("turned", [False, True])
def test_reaches_follow_the_course_from_gauge_to_gauge(*, turned: bool) -> None:
    lines = [line[::-1] if turned else line for line in (DOWN, UP, ARM)]
    (course,) = match_rivers([orge(*lines)], GAUGES)
    assert course.river == "Orge"
    assert {snap.gauge.site: round(snap.distance) for snap in course.snaps} == {
        "high": 56,
        "middle": 33,
        "low": 0,
    }
    first, second = course.reaches
    assert (first.upstream, first.downstream) == ("high", "middle")
    assert (second.upstream, second.downstream) == ("middle", "low")
    assert 3_500 < first.length < 4_000
    assert first.line[0][0] == pytest.approx(2.15, abs=1e-3)
    assert first.line[-1] == pytest.approx(second.line[0], abs=1e-5)
    # Every line runs with the flow, the arm that no gauge is on as most of the others do.
    for line in course.lines:
        assert line[-1][0] > line[0][0]
    assert bool(course.notes) is turned
    assert not turned or "the file's lines run against it" in course.notes[0]


def test_pieces_that_do_not_meet_leave_a_note_and_no_reach() -> None:
    (course,) = match_rivers([orge(UP, DOWN + 0.001)], GAUGES)
    assert [(reach.upstream, reach.downstream) for reach in course.reaches] == [("middle", "low")]
    assert course.notes == ["Orge: no line leads from high to middle"]


def test_a_gauge_far_from_its_river_is_named() -> None:
    lost = Gauge(site="lost", river="Orge", lon=2.4, lat=48.5)
    (course,) = match_rivers([orge(UP, DOWN)], [*GAUGES, lost])
    assert course.notes == ["lost: farther than 500 m from its river Orge"]
    assert len(course.reaches) == 2


def test_a_river_of_that_name_elsewhere_is_another() -> None:
    far = Watercourse(name="L'Orge", code="A1", lines=[UP + 1])
    ours, other = match_rivers([far, orge(UP, DOWN)], GAUGES)
    assert (ours.code, ours.river) == ("F46", "Orge")
    assert (other.code, other.river) == ("A1", None)


def test_where_no_name_fits_the_course_at_every_gauge_is_taken() -> None:
    (course,) = match_rivers([orge(UP, DOWN, name="Ruisseau des Bois")], GAUGES)
    assert course.river == "Orge"
    assert course.notes[0] == "Orge: the file calls it 'Ruisseau des Bois'"
    beside = [Gauge(site="g", river="Orge", lon=2.15, lat=48.524)]
    (course,) = match_rivers([orge(UP, name="Ruisseau des Bois")], beside)
    assert course.river is None


def test_of_the_others_the_longest_are_kept() -> None:
    small = Watercourse(name="Ru", code="2", lines=[ARM[:2]])
    large = Watercourse(name="Seine", code="3", lines=[np.linspace((2, 48), (3, 49), 40)])
    courses = match_rivers([small, orge(UP, DOWN), large], GAUGES)
    kept, left_out = shorten(courses, 8)
    assert [course.name for course in kept] == ["L'Orge", "Seine"]
    assert left_out == 1


def test_lines_are_measured_cut_joined_and_simplified() -> None:
    line = np.array([(2.0, 48.0), (2.0, 48.1), (2.1, 48.1)])
    along = measure(line)
    assert along[1] == pytest.approx(11_132, rel=1e-3)
    distance, at = find_nearest(line, 2.001, 48.05)
    assert distance == pytest.approx(74.5, rel=1e-2)
    assert at == pytest.approx(along[1] / 2, rel=1e-3)
    pieces = cut(line, [at, -5.0, 1e9])
    assert [len(piece) for piece in pieces] == [2, 3]
    (joined,) = join([pieces[1], pieces[0]])
    assert joined[0] == pytest.approx((2.0, 48.0))
    ring = [np.array([(0, 0), (1, 0)]), np.array([(1, 0), (0, 0)])]
    assert [len(each) for each in join(ring)] == [3]
    apart = line + 1
    groups = group_connected([pieces[1], apart, pieces[0]])
    assert sorted(len(group) for group in groups) == [1, 2]
    wavy = np.array([(2.0 + step / 1000, 48 + (step % 2) / 1e6) for step in range(50)])
    assert len(simplify(wavy, 5)) == 2
    assert len(simplify(wavy, 0.05)) == 50

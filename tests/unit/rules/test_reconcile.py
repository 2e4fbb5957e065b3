"""What becomes of recorded alarms when the past is judged again."""

from dataclasses import replace

from rules._reconcile import Change, ChangeKind, Recorded, reconcile
from rules._rule_state import Episode


def episode(began: int, ended: int | None = None, *, severity: str = "minor") -> Episode:
    return Episode(
        rule="r",
        subject="s",
        since=began,
        began=began,
        ended=ended,
        severity=((began, severity),),
        stale=(),
    )


def recorded(identity: int, began: int, ended: int | None = None, *, ack: bool = False) -> Recorded:
    return Recorded(identity=identity, episode=episode(began, ended), acknowledged=ack)


def told(changes: list[Change]) -> list[tuple[str, int | None, int | None, bool]]:
    return [(c.kind, c.identity, c.into, c.acknowledged) for c in changes]


def test_what_was_recorded_as_found_changes_nothing() -> None:
    assert reconcile([recorded(1, 0, 5), recorded(2, 7)], [episode(0, 5), episode(7)]) == []


def test_a_new_alarm_that_lasts_is_raised_and_one_already_over_is_retrospective() -> None:
    changes = reconcile([], [episode(0, 5), episode(7)])
    assert told(changes) == [
        (ChangeKind.RETROSPECTIVE, None, None, False),
        (ChangeKind.RAISED, None, None, False),
    ]


def test_an_alarm_that_only_went_on_has_progressed() -> None:
    (change,) = reconcile([recorded(1, 0, ack=True)], [episode(0, 9)], judged=5)
    assert told([change]) == [(ChangeKind.PROGRESSED, 1, None, True)]
    assert change.before == episode(0)


def test_a_step_and_a_stale_span_after_the_time_judged_are_progress() -> None:
    found = replace(
        episode(0, 20), severity=((0, "minor"), (6, "major")), stale=((5, 7), (9, None))
    )
    (change,) = reconcile([recorded(1, 0)], [found], judged=5)
    assert change.kind is ChangeKind.PROGRESSED


def test_an_alarm_whose_past_changed_is_revised_and_keeps_its_identity() -> None:
    (change,) = reconcile([recorded(1, 3, ack=True)], [episode(1)], judged=5)
    assert told([change]) == [(ChangeKind.REVISED, 1, None, True)]


def test_an_alarm_that_ended_before_the_time_judged_is_revised() -> None:
    (change,) = reconcile([recorded(1, 0)], [episode(0, 4)], judged=5)
    assert change.kind is ChangeKind.REVISED


def test_merged_alarms_go_on_as_the_earliest_acknowledged_only_if_all_were() -> None:
    both = [recorded(1, 0, 4, ack=True), recorded(2, 6, ack=False)]
    changes = reconcile(both, [episode(0)], judged=9)
    assert told(changes) == [
        (ChangeKind.REVISED, 1, None, False),
        (ChangeKind.MERGED, 2, 1, False),
    ]


def test_the_first_piece_of_a_split_alarm_keeps_it_and_the_others_are_new() -> None:
    changes = reconcile([recorded(1, 0, 9, ack=True)], [episode(0, 3), episode(5, 9)], judged=9)
    assert told(changes) == [
        (ChangeKind.REVISED, 1, None, True),
        (ChangeKind.SPLIT, None, 1, False),
    ]


def test_an_alarm_that_never_was_is_withdrawn() -> None:
    (change,) = reconcile([recorded(1, 0, 9, ack=True)], [])
    assert told([change]) == [(ChangeKind.WITHDRAWN, 1, None, True)]
    assert change.before == episode(0, 9)


def test_a_piece_that_reaches_into_the_next_alarm_takes_only_the_first() -> None:
    changes = reconcile(
        [recorded(1, 0, 4), recorded(2, 6, 9)], [episode(0, 7), episode(8, 9)], judged=9
    )
    assert told(changes) == [
        (ChangeKind.REVISED, 1, None, False),
        (ChangeKind.REVISED, 2, None, False),
    ]


def test_alarms_that_only_touch_do_not_overlap() -> None:
    changes = reconcile([recorded(1, 0, 4)], [episode(4, 6)])
    assert told(changes) == [
        (ChangeKind.RETROSPECTIVE, None, None, False),
        (ChangeKind.WITHDRAWN, 1, None, False),
    ]

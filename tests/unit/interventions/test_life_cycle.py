"""The life cycle of an order: one table, total, the same in Python and in the database."""

from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.interventions.model import (
    FINISHED,
    TRANSITIONS,
    Intervention,
    InterventionError,
    OrderAct,
    OrderState,
    Priority,
    require_transition,
)

NOW = datetime(2024, 1, 2, tzinfo=UTC)


def order(state: OrderState, due: datetime | None = None) -> Intervention:
    return Intervention(
        id=7,
        title="Pump",
        description="",
        priority=Priority.HIGH,
        due=due,
        site=None,
        site_title=None,
        alarm=None,
        commune=None,
        commune_name=None,
        address="",
        lon=None,
        lat=None,
        team=None,
        team_title=None,
        state=state,
        version=1,
        opened_at=NOW,
        closed_at=None,
    )


def test_every_state_is_reached_and_every_refusal_is_a_sentence() -> None:
    assert set(TRANSITIONS.values()) == set(OrderState)
    for act in OrderAct:
        for state in OrderState:
            if (act, state) not in TRANSITIONS:
                with pytest.raises(InterventionError, match="order 7"):
                    require_transition(order(state), act)


def test_what_is_noted_is_never_refused_for_the_state() -> None:
    for state in OrderState:
        for act in (OrderAct.COMMENT, OrderAct.OBSERVE, OrderAct.LATE):
            assert TRANSITIONS[act, state] is state


def test_a_finished_order_only_opens_again() -> None:
    noting = {OrderAct.COMMENT, OrderAct.OBSERVE}
    for state in FINISHED:
        assert order(state).list_acts() - noting == {OrderAct.REOPEN}
    assert TRANSITIONS[OrderAct.REOPEN, OrderState.DONE] is OrderState.OPEN


def test_only_what_is_unfinished_is_overdue() -> None:
    past = NOW - timedelta(minutes=1)
    assert order(OrderState.ON_WAY, past).is_overdue(NOW)
    assert not order(OrderState.ON_WAY, NOW).is_overdue(NOW)
    assert not order(OrderState.DONE, past).is_overdue(NOW)
    assert not order(OrderState.OPEN).is_overdue(NOW)

"""The table of the life cycle: total, and what it says, row by row."""

from itertools import product

import pytest

from hypervisor.alarms.lifecycle import (
    ActKind,
    AlarmState,
    BaseState,
    Hold,
    SystemEvent,
    build_table,
)

EVERY = [AlarmState(base=base, hold=hold) for base, hold in product(BaseState, Hold)]
ACTS = [*ActKind, *SystemEvent]
Table = dict[tuple[AlarmState, ActKind | SystemEvent], AlarmState | str]


@pytest.fixture
def table() -> Table:
    return build_table()


def test_every_state_knows_every_act(table: Table) -> None:
    assert set(table) == set(product(EVERY, ACTS))
    for (_, act), after in table.items():
        assert isinstance(after, AlarmState) or (isinstance(act, ActKind) and after)


# Of each act the states of the condition that it may be done in, and what it makes of them.
BASES = {
    ActKind.ACKNOWLEDGE: {"unacknowledged": "acknowledged", "returned": "normal"},
    ActKind.UNACKNOWLEDGE: {"acknowledged": "unacknowledged", "normal": "returned"},
    ActKind.CLOSE: {"unacknowledged": "closing", "acknowledged": "closing"},
    ActKind.ESCALATE: {"unacknowledged": "unacknowledged"},
    ActKind.REMIND: {"unacknowledged": "unacknowledged"},
}
UNCHANGED = {
    ActKind.ASSIGN: {*BaseState} - {BaseState.WITHDRAWN},
    ActKind.COMMENT: {*BaseState},
    ActKind.SHELVE: {*BaseState} - {BaseState.WITHDRAWN, BaseState.CLOSING},
    ActKind.UNSHELVE: {*BaseState},
    ActKind.OUT_OF_SERVICE: {*BaseState} - {BaseState.WITHDRAWN},
    ActKind.RETURN_TO_SERVICE: {*BaseState},
}
BASES |= {act: {one.value: one.value for one in bases} for act, bases in UNCHANGED.items()}
HOLDS = {
    ActKind.SHELVE: {"none": "shelved", "shelved": "shelved"},
    ActKind.UNSHELVE: {"shelved": "none"},
    ActKind.OUT_OF_SERVICE: {"none": "out-of-service", "shelved": "out-of-service"},
    ActKind.RETURN_TO_SERVICE: {"out-of-service": "none"},
    ActKind.ESCALATE: {"none": "none"},
    ActKind.REMIND: {"none": "none"},
}


@pytest.mark.parametrize("act", ActKind)
@pytest.mark.parametrize("state", EVERY, ids=lambda one: f"{one.base}-{one.hold}")
def test_what_people_may_do(table: Table, state: AlarmState, act: ActKind) -> None:
    base = BASES[act].get(state.base)
    hold = HOLDS.get(act, {one.value: one.value for one in Hold}).get(state.hold)
    after = table[state, act]
    if base is None or hold is None:
        assert isinstance(after, str)
        assert after.startswith(("it ", "somebody ", "no one "))
    else:
        assert after == AlarmState(base=BaseState(base), hold=Hold(hold))


def test_the_condition_goes_its_way_whatever_people_do(table: Table) -> None:
    for state in EVERY:
        gone = table[state, SystemEvent.WITHDRAWN]
        assert gone == AlarmState(base=BaseState.WITHDRAWN, hold=state.hold)
        over = table[state, SystemEvent.RETURNS]
        assert isinstance(over, AlarmState)
        assert over.base not in (
            BaseState.UNACKNOWLEDGED,
            BaseState.ACKNOWLEDGED,
            BaseState.CLOSING,
        )
        if state.base in (BaseState.UNACKNOWLEDGED, BaseState.RETURNED):
            assert over.base is BaseState.RETURNED  # nobody has seen it, and it is over
        up = table[state, SystemEvent.STEPS_UP]
        assert isinstance(up, AlarmState)
        assert up.base is not BaseState.ACKNOWLEDGED
        assert table[state, SystemEvent.EXPIRES] == AlarmState(
            base=state.base, hold=Hold.NONE if state.hold is Hold.SHELVED else state.hold
        )

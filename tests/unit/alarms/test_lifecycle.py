"""The table of the life cycle: total, and what it says, row by row."""

from itertools import product

import pytest

from hypervisor.alarms.lifecycle import AlarmState, Base, Hold, Kind, News, crossed

EVERY = [AlarmState(base=base, hold=hold) for base, hold in product(Base, Hold)]
ACTS = [*Kind, *News]
Table = dict[tuple[AlarmState, Kind | News], AlarmState | str]


@pytest.fixture
def table() -> Table:
    return crossed()


def test_every_state_knows_every_act(table: Table) -> None:
    assert set(table) == set(product(EVERY, ACTS))
    for (_, act), after in table.items():
        assert isinstance(after, AlarmState) or (isinstance(act, Kind) and after)


# Of each act the states of the condition that it may be done in, and what it makes of them.
BASES = {
    Kind.ACKNOWLEDGE: {"unacknowledged": "acknowledged", "returned": "normal"},
    Kind.UNACKNOWLEDGE: {"acknowledged": "unacknowledged", "normal": "returned"},
    Kind.CLOSE: {"unacknowledged": "closing", "acknowledged": "closing"},
    Kind.ESCALATE: {"unacknowledged": "unacknowledged"},
    Kind.REMIND: {"unacknowledged": "unacknowledged"},
}
UNCHANGED = {
    Kind.ASSIGN: {*Base} - {Base.WITHDRAWN},
    Kind.COMMENT: {*Base},
    Kind.SHELVE: {*Base} - {Base.WITHDRAWN, Base.CLOSING},
    Kind.UNSHELVE: {*Base},
    Kind.OUT_OF_SERVICE: {*Base} - {Base.WITHDRAWN},
    Kind.RETURN_TO_SERVICE: {*Base},
}
BASES |= {act: {one.value: one.value for one in bases} for act, bases in UNCHANGED.items()}
HOLDS = {
    Kind.SHELVE: {"none": "shelved", "shelved": "shelved"},
    Kind.UNSHELVE: {"shelved": "none"},
    Kind.OUT_OF_SERVICE: {"none": "out-of-service", "shelved": "out-of-service"},
    Kind.RETURN_TO_SERVICE: {"out-of-service": "none"},
    Kind.ESCALATE: {"none": "none"},
    Kind.REMIND: {"none": "none"},
}


@pytest.mark.parametrize("act", Kind)
@pytest.mark.parametrize("state", EVERY, ids=lambda one: f"{one.base}-{one.hold}")
def test_what_people_may_do(table: Table, state: AlarmState, act: Kind) -> None:
    base = BASES[act].get(state.base)
    hold = HOLDS.get(act, {one.value: one.value for one in Hold}).get(state.hold)
    after = table[state, act]
    if base is None or hold is None:
        assert isinstance(after, str)
        assert after.startswith(("it ", "somebody ", "nobody "))
    else:
        assert after == AlarmState(base=Base(base), hold=Hold(hold))


def test_the_condition_goes_its_way_whatever_people_do(table: Table) -> None:
    for state in EVERY:
        gone = table[state, News.WITHDRAWN]
        assert gone == AlarmState(base=Base.WITHDRAWN, hold=state.hold)
        over = table[state, News.RETURNS]
        assert isinstance(over, AlarmState)
        assert over.base not in (Base.UNACKNOWLEDGED, Base.ACKNOWLEDGED, Base.CLOSING)
        if state.base in (Base.UNACKNOWLEDGED, Base.RETURNED):
            assert over.base is Base.RETURNED  # nobody has seen it, and it is over
        up = table[state, News.STEPS_UP]
        assert isinstance(up, AlarmState)
        assert up.base is not Base.ACKNOWLEDGED
        assert table[state, News.EXPIRES] == AlarmState(
            base=state.base, hold=Hold.NONE if state.hold is Hold.SHELVED else state.hold
        )

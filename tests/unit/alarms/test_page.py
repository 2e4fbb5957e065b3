"""The page on alarms says what the table does."""

from pathlib import Path

from hypervisor.alarms import settings as alarm_settings
from hypervisor.alarms.lifecycle import TABLE, ActKind, AlarmState, BaseState, SystemEvent

PAGE = Path(__file__).parents[3] / "docs" / "alarms.md"
ACTS: dict[str, tuple[ActKind | SystemEvent, ...]] = {
    "acknowledge": (ActKind.ACKNOWLEDGE,),
    "unacknowledge": (ActKind.UNACKNOWLEDGE,),
    "close": (ActKind.CLOSE,),
    "assign": (ActKind.ASSIGN,),
    "comment": (ActKind.COMMENT,),
    "shelve": (ActKind.SHELVE,),
    "out of service": (ActKind.OUT_OF_SERVICE,),
    "unshelve, return to service": (ActKind.UNSHELVE, ActKind.RETURN_TO_SERVICE),
    "escalate, remind (the system)": (ActKind.ESCALATE, ActKind.REMIND),
    "*a severity above the acknowledged one*": (SystemEvent.STEPS_UP,),
    "*the condition is over*": (SystemEvent.RETURNS,),
    "*revised: still active*": (SystemEvent.RESUMES,),
    "*withdrawn*": (SystemEvent.WITHDRAWN,),
}


def _rows() -> dict[str, list[str]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells if len(row) == 1 + len(BaseState)}


def test_the_page_and_the_table_agree() -> None:
    rows = _rows()
    assert rows[""] == [base.value for base in BaseState]
    for name, acts in ACTS.items():
        for act in acts:
            for base, said in zip(BaseState, rows[name], strict=True):
                after = _whatever_is_held(base, act)
                word = "—" if after is None else "" if after is base else after.value
                assert said == word, (name, base)


def _whatever_is_held(base: BaseState, act: ActKind | SystemEvent) -> BaseState | None:
    """What becomes of it where what is held allows the act; None: it is refused."""
    states = [TABLE[state, act] for state in TABLE_STATES if state.base is base]
    bases = {one.base for one in states if isinstance(one, AlarmState)}
    assert len(bases) <= 1
    return next(iter(bases), None)


TABLE_STATES = {state for state, _ in TABLE}


def test_the_page_names_every_setting_and_what_it_is_at_first() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in alarm_settings.format_settings(alarm_settings.AlarmSettings()):
        assert f"`{name}`" in page
    assert alarm_settings.format_settings(alarm_settings.AlarmSettings()) == {
        "shelve_longest": "1 d",
        "step_up_unacknowledges": "true",
        "incident_quiet": "2 h",
        "chatter_count": "5",
        "chatter_window": "1 h",
        "standing_long": "1 d",
    }

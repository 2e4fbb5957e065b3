"""The page on alarms says what the table does."""

from pathlib import Path

from hypervisor.alarms import settings as alarm_settings
from hypervisor.alarms.lifecycle import TABLE, AlarmState, Base, Kind, News

PAGE = Path(__file__).parents[3] / "docs" / "alarms.md"
ACTS: dict[str, tuple[Kind | News, ...]] = {
    "acknowledge": (Kind.ACKNOWLEDGE,),
    "unacknowledge": (Kind.UNACKNOWLEDGE,),
    "close": (Kind.CLOSE,),
    "assign": (Kind.ASSIGN,),
    "comment": (Kind.COMMENT,),
    "shelve": (Kind.SHELVE,),
    "out of service": (Kind.OUT_OF_SERVICE,),
    "unshelve, return to service": (Kind.UNSHELVE, Kind.RETURN_TO_SERVICE),
    "escalate, remind (the system)": (Kind.ESCALATE, Kind.REMIND),
    "*a severity above the acknowledged one*": (News.STEPS_UP,),
    "*the condition is over*": (News.RETURNS,),
    "*revised: it lasts after all*": (News.RESUMES,),
    "*withdrawn*": (News.WITHDRAWN,),
}


def _rows() -> dict[str, list[str]]:
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells if len(row) == 1 + len(Base)}


def test_the_page_and_the_table_agree() -> None:
    rows = _rows()
    assert rows[""] == [base.value for base in Base]
    for name, acts in ACTS.items():
        for act in acts:
            for base, said in zip(Base, rows[name], strict=True):
                after = _whatever_is_held(base, act)
                word = "—" if after is None else "same" if after is base else after.value
                assert said == word, (name, base)


def _whatever_is_held(base: Base, act: Kind | News) -> Base | None:
    """What becomes of it where what is held allows the act; None: it is refused."""
    states = [TABLE[state, act] for state in TABLE_STATES if state.base is base]
    bases = {one.base for one in states if isinstance(one, AlarmState)}
    assert len(bases) <= 1
    return next(iter(bases), None)


TABLE_STATES = {state for state, _ in TABLE}


def test_the_page_names_every_setting_and_what_it_is_at_first() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name in alarm_settings.shown(alarm_settings.Dials()):
        assert f"`{name}`" in page
    assert alarm_settings.shown(alarm_settings.Dials()) == {
        "shelve_longest": "1 d",
        "step_up_unacknowledges": "true",
        "incident_quiet": "2 h",
        "chatter_count": "5",
        "chatter_window": "1 h",
        "standing_long": "1 d",
    }

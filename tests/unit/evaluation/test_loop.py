"""What the watch says of a step, and of what it watches."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from hypervisor.base.instants import parse
from hypervisor.evaluation import loop
from hypervisor.evaluation.batch import Report
from hypervisor.evaluation.territory import Territory


def transition(kind: str, reason: str = "") -> Any:
    event = parse("2024-01-01T05:06:07.5Z")
    return SimpleNamespace(alarm=7, kind=kind, event=event, reason=reason)


def test_what_becomes_of_alarms_is_said_in_a_line_each() -> None:
    lines: list[str] = []
    alarm: Any = SimpleNamespace(id=7, title="Mill high")
    report = Report(
        entries=0,
        rows=0,
        evaluated=0,
        alarms=[alarm],
        transitions=[transition("raised", "minor"), transition("cleared")],
        set_aside=[("flood-x", "mill")],
        resumed=[("", "ford")],
    )
    loop._log_report(report, lines.append)  # noqa: SLF001  the words of one step
    assert lines == [
        "SET ASIDE, its evaluation failed: rule flood-x at mill",
        "evaluated again: every rule at ford",
        "raised at 2024-01-01 05:06:07Z: Mill high (minor)",
        "cleared at 2024-01-01 05:06:07Z: Mill high",
    ]


def test_what_is_watched_is_counted_by_kind() -> None:
    def count(**kinds: int) -> str:
        subjects: dict[str, Any] = {
            f"{kind}{n}": SimpleNamespace(per=kind)
            for kind, number in kinds.items()
            for n in range(number)
        }
        others: dict[str, Any] = {"other": SimpleNamespace(per="site")}
        territory = replace(Territory.empty(), subjects={**subjects, **others}, own=subjects.keys())
        return loop._count_subjects(territory)  # noqa: SLF001

    assert count(device=1, site=2, group=3) == "2 sites, 1 device, 3 groups"
    assert count(site=1) == "1 site"
    assert count() == ""

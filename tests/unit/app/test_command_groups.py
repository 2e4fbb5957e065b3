"""Groups of commands, typed without one."""

from collections.abc import Iterator

import pytest
from typer.core import TyperGroup

from tests import command_line


def find_groups(group: TyperGroup, *words: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            if not command.invoke_without_command:  # such as `alarms`, which lists them
                yield (*words, name)
            yield from find_groups(command, *words, name)


GROUPS = list(find_groups(command_line.command()))


def test_groups_lie_in_groups() -> None:
    assert {("gauge",), ("notify", "routes")} <= set(GROUPS)


@pytest.mark.parametrize("words", GROUPS, ids=" ".join)
def test_a_group_without_a_command_lists_its_commands(words: tuple[str, ...]) -> None:
    shown = command_line.run(*words)
    assert "Missing command" not in shown.output
    assert "Commands" in shown.output

"""Runs a benchmark on private servers and prints its result."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

import typer

from hypervisor.bench.servers import Ground, Tick, ground

Json = Annotated[bool, typer.Option("--json", help="One JSON object.")]
_Plan = TypeVar("_Plan")


def run(
    measure: Callable[[Ground, _Plan, Tick], dict[str, Any]],
    plan: _Plan,
    *,
    as_json: bool,
    **extra: str,
) -> None:
    """Measure on private servers and print the result. `extra`: settings of the database."""
    with progress() as tick, ground(**extra) as place:
        result = measure(place, plan, tick)
    print_result(result, as_json=as_json)


@contextmanager
def progress() -> Iterator[Tick]:
    """A progress bar on stderr."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting servers", total=None)
        yield lambda text, done, of: bar.update(task, description=text, completed=done, total=of)


def print_result(result: dict[str, Any], *, as_json: bool) -> None:
    """Print one JSON object, or a line per figure."""
    if as_json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        label = name.replace("_", " ")
        match value:
            case str():
                print(value)
            case dict():
                print(f"{label}:")
                for key, figures in value.items():
                    print(f"  {key}: {figures}")
            case _:
                print(f"{label:>20}  {value:,}")

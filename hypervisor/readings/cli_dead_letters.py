"""`hypervisor dead-letters`: what ingest refused, why, and its replay."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hypervisor.readings.queries_dead_letters import DeadLetter

Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Reason = Annotated[str | None, typer.Option(help="Only those with this reason.")]
Topic = Annotated[str | None, typer.Option(help="Only those of this topic.")]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="What ingest refused, and why.")
    group.command("list")(list_letters)
    group.command()(show)
    group.command()(replay)
    group.command("redrive", hidden=True, deprecated=True)(replay)  # until the next version
    app.add_typer(group, name="dead-letters")


def list_letters(
    context: typer.Context,
    reason: Reason = None,
    topic: Topic = None,
    everything: Annotated[bool, typer.Option("--all", help="Replayed ones, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most this many.")] = 50,
    as_json: Json = False,
) -> None:
    """List dead letters, oldest first, and the number of each reason."""
    from rich.console import Console
    from rich.table import Table

    from hypervisor.database.command import open_database
    from hypervisor.readings import queries_dead_letters

    with open_database(context) as connection:
        letters = queries_dead_letters.list_letters(
            connection, reason=reason, topic=topic, waiting=not everything, limit=limit
        )
        counts = queries_dead_letters.count_by_reason(connection)
    if as_json:
        for letter in letters:
            print(json.dumps(_to_json(letter)))
        return
    console = Console(markup=False)
    table = Table("id", "arrived", "topic", "reason", "detail")
    for letter in letters:
        arrived = f"{letter.received_at:%Y-%m-%d %H:%M:%S}Z"
        table.add_row(str(letter.id), arrived, letter.topic, letter.reason, letter.detail)
    console.print(table)
    summary = Table("reason", "waiting", "replayed")
    for row in counts:
        summary.add_row(row.reason, f"{row.waiting:,}", f"{row.replayed:,}")
    console.print(summary)


def show(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="As `list` shows it.")],
    as_json: Json = False,
) -> None:
    """Show one dead letter with its bytes."""
    from rich.console import Console

    from hypervisor.database.command import open_database
    from hypervisor.readings.dead_letter_replay import get_dead_letter

    with open_database(context) as connection:
        letter = get_dead_letter(connection, number)
    if as_json:
        print(json.dumps(_to_json(letter)))
        return
    console = Console(soft_wrap=True, markup=False, highlight=False)
    for name, value in _to_json(letter).items():
        console.print(f"{name:12} {value}")


def replay(
    context: typer.Context,
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", help="Only these (default: all).")
    ] = None,
    reason: Reason = None,
    topic: Topic = None,
    shift: Annotated[
        str, typer.Option(help="Shift the readings' times, for a wrong clock: -1h, +30min.")
    ] = "0s",
    as_json: Json = False,
) -> None:
    """Decode, check and store dead letters again; they keep their arrival time."""
    from rich.console import Console
    from rich.progress import Progress

    from hypervisor.base.settings import load_settings
    from hypervisor.readings import dead_letter_replay
    from hypervisor.readings.ingest_worker import open_ingest_context

    moved = dead_letter_replay.parse_shift(shift)
    stored = refused = 0
    with open_ingest_context(load_settings(context.obj)) as ingest:
        letters = dead_letter_replay.select_letters(
            ingest.connection, numbers or (), reason=reason, topic=topic
        )
        ingest.connection.rollback()
        outcomes = dead_letter_replay.replay(ingest, letters, shift=moved)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            for outcome in progress.track(outcomes, total=len(letters), description="replaying"):
                stored += outcome.readings
                refused += bool(outcome.refused)
                if as_json:
                    print(json.dumps({"id": outcome.letter.id, "outcome": outcome.text}))
    if not as_json:
        print(f"{len(letters)} letters: {stored} readings stored, {refused} letters refused again")


def _to_json(letter: "DeadLetter") -> dict[str, object]:
    return {
        **vars(letter),
        "received_at": letter.received_at.isoformat(),
        "payload": letter.payload.decode("utf-8", "backslashreplace"),
        "replayed_at": letter.replayed_at and letter.replayed_at.isoformat(),
        "redriven_at": letter.replayed_at
        and letter.replayed_at.isoformat(),  # the old key, for one version
    }

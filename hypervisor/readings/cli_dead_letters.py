"""`hypervisor dead-letters`: what ingest refused, why, and sending it through again."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hypervisor.readings.queries_dead_letters import DeadLetter

_CHUNK = 200  # letters a transaction

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
    everything: Annotated[bool, typer.Option("--all", help="The redriven ones as well.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List dead letters, oldest first, and how many there are of each reason."""
    from rich.console import Console
    from rich.table import Table

    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import connect
    from hypervisor.readings import queries_dead_letters

    with connect(load_settings(context.obj).database_url) as connection:
        dead_letters = queries_dead_letters.list_oldest(
            connection, reason=reason, topic=topic, waiting=not everything, limit=limit
        )
        counts = queries_dead_letters.count_by_reason(connection)
    if as_json:
        for letter in dead_letters:
            print(json.dumps(_to_json(letter)))
        return
    console = Console(markup=False)
    table = Table("id", "arrived", "topic", "reason", "detail")
    for letter in dead_letters:
        arrived = f"{letter.received_at:%Y-%m-%d %H:%M:%S}Z"
        table.add_row(str(letter.id), arrived, letter.topic, letter.reason, letter.detail)
    console.print(table)
    summary = Table("reason", "waiting", "redriven")
    for name, waiting, done in counts:
        summary.add_row(name, f"{waiting:,}", f"{done:,}")
    console.print(summary)


def show(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="As `list` gives it.")],
    as_json: Json = False,
) -> None:
    """Show one dead letter with its bytes."""
    from rich.console import Console

    from hypervisor.base.settings import load_settings
    from hypervisor.database.connect import StoreError, connect
    from hypervisor.readings import queries_dead_letters

    with connect(load_settings(context.obj).database_url) as connection:
        letter = queries_dead_letters.get_dead_letter(connection, number)
    if letter is None:
        raise StoreError(f"no dead letter {number}; `hypervisor dead-letters list` shows them")
    if as_json:
        print(json.dumps(_to_json(letter)))
        return
    console = Console(soft_wrap=True, markup=False, highlight=False)
    for name, value in _to_json(letter).items():
        console.print(f"{name:12} {value}")


def replay(
    context: typer.Context,
    numbers: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", help="Only these; default: all.")
    ] = None,
    reason: Reason = None,
    topic: Topic = None,
    shift: Annotated[
        str, typer.Option(help="Move the readings' times, for a wrong clock: -1h, +30min.")
    ] = "0s",
    as_json: Json = False,
) -> None:
    """Send dead letters through decoding, checks and store again; they keep their arrival."""
    from rich.console import Console
    from rich.progress import Progress

    from hypervisor.base.settings import load_settings
    from hypervisor.readings import ingesting, queries_dead_letters
    from hypervisor.readings.dead_letter_replay import parse_shift
    from hypervisor.readings.dead_letter_replay import replay as send_again

    moved = parse_shift(shift)
    stored = refused = 0
    with ingesting.open_ingest_context(load_settings(context.obj)) as ingest:
        connection = ingest.connection
        if numbers:
            requested = [
                queries_dead_letters.get_dead_letter(connection, number) for number in numbers
            ]
            letters = [letter for letter in requested if letter and letter.redriven_at is None]
        else:
            letters = queries_dead_letters.list_oldest(
                connection, reason=reason, topic=topic, limit=None
            )
        connection.rollback()
        with Progress(console=Console(stderr=True), transient=True) as progress:
            for start in progress.track(range(0, len(letters), _CHUNK), description="redriving"):
                chunk = letters[start : start + _CHUNK]
                for outcome in send_again(ingest, chunk, shift=moved):
                    stored += outcome.readings
                    refused += bool(outcome.refused)
                    if as_json:
                        print(json.dumps({"id": outcome.letter.id, "outcome": outcome.text}))
    if not as_json:
        print(f"{len(letters)} letters: {stored} readings stored, {refused} letters refused again")


def _to_json(letter: "DeadLetter") -> dict[str, object]:
    return {
        "id": letter.id,
        "received_at": letter.received_at.isoformat(),
        "topic": letter.topic,
        "reason": letter.reason,
        "detail": letter.detail,
        "payload": letter.payload.decode("utf-8", "backslashreplace"),
        "worker": letter.worker,
        "redriven_at": letter.redriven_at and letter.redriven_at.isoformat(),
        "outcome": letter.outcome,
    }

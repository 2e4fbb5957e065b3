"""`hypervisor dead-letters`: what ingest refused, why, and its replay."""

from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.database.command import Json, open_database, print_json, print_table

if TYPE_CHECKING:
    from hypervisor.readings.queries_dead_letters import DeadLetter

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
    from hypervisor.readings import queries_dead_letters

    with open_database(context) as connection:
        letters = queries_dead_letters.list_letters(
            connection, reason=reason, topic=topic, waiting=not everything, limit=limit
        )
        counts = queries_dead_letters.count_by_reason(connection)
    if as_json:
        print_json(map(_to_json, letters))
        return
    rows = [
        (
            *(str(letter.id), f"{letter.received_at:%Y-%m-%d %H:%M:%S}Z", letter.topic),
            *(letter.reason, letter.detail),
        )
        for letter in letters
    ]
    print_table(("id", "arrived", "topic", "reason", "detail"), rows)
    print_table(
        ("reason", "waiting", "replayed"),
        [(row.reason, f"{row.waiting:,}", f"{row.replayed:,}") for row in counts],
    )


def show(
    context: typer.Context,
    number: Annotated[int, typer.Argument(metavar="ID", help="An id in `list`.")],
    as_json: Json = False,
) -> None:
    """Show one dead letter with its bytes."""
    from rich.console import Console

    from hypervisor.readings.dead_letter_replay import get_dead_letter

    with open_database(context) as connection:
        letter = get_dead_letter(connection, number)
    if as_json:
        print_json([_to_json(letter)])
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
                    print_json([{"id": outcome.letter.id, "outcome": outcome.text}])
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

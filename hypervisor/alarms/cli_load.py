"""The load of operators."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from hypervisor.alarms.cli_list import Json


def attach_to(group: typer.Typer) -> None:
    group.command()(load)


def load(
    context: typer.Context,
    begins: Annotated[
        str, typer.Option("--from", help="From when; default: a day before the end.")
    ] = "",
    ends: Annotated[str, typer.Option("--to", help="Until when; default: now.")] = "",
    as_json: Json = False,
) -> None:
    """What alarms ask of an operator, after EEMUA 191: rates, floods, chatter, what stands."""
    from hypervisor.alarms.load_report import Span
    from hypervisor.alarms.load_report import load as measured
    from hypervisor.database.command import instant, opened

    span = Span(
        begins=instant(begins, "--from") if begins else None,
        ends=instant(ends, "--to") if ends else None,
    )
    with opened(context) as connection:
        found = measured(connection, span, wall=datetime.now(UTC))
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    _show(found)


def _show(found: dict[str, Any]) -> None:
    from rich.table import Table

    from hypervisor.alarms.cli_tables import console, short

    rate, stands = found["per_10_min"], found["standing"]
    facts = Table(box=None, show_header=False)
    peak = f"{rate['peak']}" + (f" at {short(rate['peak_at'])}" if rate["peak_at"] else "")
    floods = "; ".join(
        f"{short(one['from'])} to {short(one['to'])}: {one['alarms']}" for one in found["floods"]
    )
    shares = ", ".join(
        f"{name} {share:g} % (recommended {found['priorities_target_percent'][name]:g} %)"
        for name, share in found["priorities_percent"].items()
    )
    for name, said in (
        ("span (UTC)", f"{short(found['from'])} to {short(found['to'])}"),
        ("alarms", str(found["alarms"])),
        ("per 10 min", f"{rate['average']:g} on average, at most {peak}"),
        ("over 10 per 10 min", f"{rate['percent_of_time_over_10']:g} % of the time"),
        ("floods", floods or "none"),
        ("standing at the end", f"{stands['alarms']}, of which {stands['long']} for long"),
        ("stale at the end", str(stands["stale"])),
        ("priorities", shares),
    ):
        facts.add_row(name, said)
    console().print(facts)
    if found["frequent"]:
        often = Table("most frequent", "times", "share", "", box=None)
        chatters = {(one["rule"], one["subject"]) for one in found["chattering"]}
        for one in found["frequent"]:
            word = "chattered" if (one["rule"], one["subject"]) in chatters else ""
            often.add_row(one["title"], str(one["times"]), f"{one['percent']:g} %", word)
        console().print(often)

"""The operators' alarm load."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from hypervisor.alarms.cli_list import Json


def attach_to(group: typer.Typer) -> None:
    group.command("load")(show_load)


def show_load(
    context: typer.Context,
    begins: Annotated[
        str, typer.Option("--from", help="Begin; default: a day before the end.")
    ] = "",
    ends: Annotated[str, typer.Option("--to", help="End; default: now.")] = "",
    as_json: Json = False,
) -> None:
    """The operators' alarm load, after EEMUA 191: rates, floods, chattering, standing alarms."""
    from hypervisor.alarms.load_report import Span
    from hypervisor.alarms.load_report import measure_load as measured
    from hypervisor.database.command import instant, opened

    span = Span(
        begins=instant(begins, "--from") if begins else None,
        ends=instant(ends, "--to") if ends else None,
    )
    with opened(context) as connection:
        report = measured(connection, span, wall=datetime.now(UTC))
    if as_json:
        print(json.dumps(report, ensure_ascii=False))
        return
    _print_load(report)


def _print_load(report: dict[str, Any]) -> None:
    from rich.table import Table

    from hypervisor.alarms.cli_tables import format_minute, open_console

    rate, stands = report["per_10_min"], report["standing"]
    facts = Table(box=None, show_header=False)
    peak = f"{rate['peak']}" + (f" at {format_minute(rate['peak_at'])}" if rate["peak_at"] else "")
    floods = "; ".join(
        f"{format_minute(flood['from'])} to {format_minute(flood['to'])}: {flood['alarms']}"
        for flood in report["floods"]
    )
    shares = ", ".join(
        f"{name} {share:g} % (recommended {report['priorities_target_percent'][name]:g} %)"
        for name, share in report["priorities_percent"].items()
    )
    for name, value in (
        ("span (UTC)", f"{format_minute(report['from'])} to {format_minute(report['to'])}"),
        ("alarms", str(report["alarms"])),
        ("per 10 min", f"{rate['average']:g} on average, at most {peak}"),
        ("over 10 per 10 min", f"{rate['percent_of_time_over_10']:g} % of the time"),
        ("floods", floods or "none"),
        ("standing at the end", f"{stands['alarms']}, of which {stands['long']} for long"),
        ("stale at the end", str(stands["stale"])),
        ("priorities", shares),
    ):
        facts.add_row(name, value)
    open_console().print(facts)
    if report["frequent"]:
        often = Table("most frequent", "times", "share", "", box=None)
        chatters = {(flood["rule"], flood["subject"]) for flood in report["chattering"]}
        for flood in report["frequent"]:
            word = "chattered" if (flood["rule"], flood["subject"]) in chatters else ""
            often.add_row(flood["title"], str(flood["times"]), f"{flood['percent']:g} %", word)
        open_console().print(often)

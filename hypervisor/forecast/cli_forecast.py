"""`hypervisor forecast`: fit models, show what they say, verify them on any record."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hypervisor.database.command import Author, Json, parse_optional_instant, print_note

if TYPE_CHECKING:
    from hypervisor.forecast.models import Tick
    from hypervisor.forecast.record import Record
    from hypervisor.forecast.service import Fitted

Texts = list[str] | None
Files = list[Path] | None
Sites = Annotated[Texts, typer.Option("--site", help="Only this site (may be repeated).")]
Horizons = Annotated[
    str, typer.Option(help="Horizons such as '1 h,3 h'; default: 15 min to 6 h, as readings allow.")
]
Columns = Annotated[
    Texts, typer.Option("--columns", "--column", help="A column: 'Q_m3s=discharge\\[m3/s]'.")
]
Inventories = Annotated[
    Texts, typer.Option("--inventory", help="Sites and devices: an example's name or files.")
]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True, help="Fit forecasts, show them, and verify them on any record."
    )
    group.command()(fit)
    group.command()(apply)
    group.command()(show)
    group.command()(verify)
    app.add_typer(group, name="forecast")


def fit(
    context: typer.Context,
    site: Sites = None,
    from_file: Annotated[
        Files, typer.Option(help="Fit on these recordings instead of stored readings.")
    ] = None,
    inventory: Inventories = None,
    column: Columns = None,
    horizons: Horizons = "",
    effective: Annotated[
        str,
        typer.Option(help="When the models take effect; they learn only from readings before."),
    ] = "",
    output: Annotated[
        Path | None, typer.Option(help="Write the models there as JSON; store nothing.")
    ] = None,
    author: Author = "",
    reason: Annotated[str, typer.Option(help="Why; kept with each revision.")] = "fitted",
    as_json: Json = False,
) -> None:
    """Fit a model for each gauge; each becomes a revision. What beats nothing is not shown."""
    import getpass

    from hypervisor.base.instants import micros
    from hypervisor.database.command import current_time, open_database
    from hypervisor.forecast import files, service

    who = author or getpass.getuser()
    start = parse_optional_instant(effective, "--effective")
    if from_file and inventory and output:
        record = _read(from_file, inventory, column, site)
        at = start or service.last_reading(record)
        fitted = _fit(record, micros(at), who, horizons)
    elif output or inventory:
        raise typer.BadParameter(
            "--output and --inventory go together, with --from-file", param_hint="--output"
        )
    else:
        with open_database(context) as connection:
            record = _stored(connection, from_file, column, site)
            last = service.last_reading(record)
            at = start or (last if from_file else current_time(connection) or last)
            fitted = _fit(record, micros(at), who, horizons)
            service.save_models(
                connection, fitted, effective=at, author=who, reason=reason or "fitted"
            )
    if output is not None:
        models = files.ModelFile(effective=at, author=who, reason=reason, fitted=tuple(fitted))
        files.write_models(output, models)
    for note in record.notes:
        print_note(note)
    for each in fitted:
        if as_json:
            print(json.dumps(_format_fitted(each), ensure_ascii=False))
        else:
            print(_describe_fitted(each))


def apply(
    context: typer.Context,
    file: Annotated[str, typer.Argument(help="What `fit --output` wrote, or an example's name.")],
    author: Author = "",
    reason: Annotated[str, typer.Option(help="Why; default: the file's.")] = "",
) -> None:
    """Store models of a file; each becomes a revision from the file's effective time on."""
    from hypervisor.database.command import name_author, open_database
    from hypervisor.forecast import files, service

    models = files.read_models(file)
    with open_database(context) as connection:
        keys = service.save_models(
            connection,
            models.fitted,
            effective=models.effective,
            author=name_author(author),
            reason=reason or models.reason,
        )
    print(f"{len(keys)} models in force from {models.effective:%Y-%m-%d %H:%M}: {', '.join(keys)}")


def _stored(connection: Any, files: Files, column: Texts, site: Texts) -> "Record":
    from hypervisor.forecast.record import read_files
    from hypervisor.forecast.service import load_record
    from hypervisor.registry import queries as registry_queries
    from sensors._domain import catalogue

    registry = registry_queries.load(connection)
    if files:
        return read_files(files, registry, catalogue(), columns=column, sites=site or ())
    return load_record(connection, registry, sites=site or ())


def _fit(record: "Record", effective: int, author: str, horizons: str) -> "list[Fitted]":
    from hypervisor.forecast.service import fit_record

    return fit_record(
        record, effective=effective, author=author, horizons=_spans(horizons), tick=_tick()
    )


def _describe_fitted(fitted: "Fitted") -> str:
    spans = (
        ", ".join(_span(horizon) for horizon in fitted.model.horizons)
        if fitted.model
        else "nothing"
    )
    lines = [f"{fitted.key}: shown: {spans}; floods in the record: {fitted.result.floods}"]
    lines += [
        f"  {_span(horizon)} not shown: {reason}" if horizon else f"  {reason}"
        for horizon, reason in fitted.reasons
    ]
    return "\n".join(lines)


def _format_fitted(fitted: "Fitted") -> dict[str, Any]:
    return {
        "site": fitted.site,
        "quantity": fitted.quantity,
        "floods": fitted.result.floods,
        "shown_s": [horizon // 1_000_000 for horizon in fitted.model.horizons]
        if fitted.model
        else [],
        "not_shown": [
            {"horizon_s": horizon // 1_000_000, "why": str(reason)}
            for horizon, reason in fitted.reasons
        ],
        "skill": fitted.model.skill if fitted.model else None,
    }


def show(
    context: typer.Context,
    site: Annotated[str, typer.Argument(help="A site.")],
    at: Annotated[str, typer.Option(help="Show the forecasts issued then; default: now.")] = "",
    as_json: Json = False,
) -> None:
    """The models in force at a site, and what they say of the last reading."""
    from hypervisor.base.errors import NotFoundError
    from hypervisor.base.instants import micros, text
    from hypervisor.database.command import current_time, open_database
    from hypervisor.forecast import service
    from hypervisor.registry import queries as registry_queries
    from sensors._nearest import did_you_mean

    moment = parse_optional_instant(at, "--at")
    with open_database(context) as connection:
        registry = registry_queries.load(connection)
        if site not in registry.sites:
            raise NotFoundError(
                "there is no site {name!r}{hint}", site, did_you_mean(site, registry.sites)
            )
        now = moment or current_time(connection) or datetime.now(UTC)
        models = service.models_in_force(registry, now)
        longest = max((model.memory for _, model in models.values()), default=0)
        record = service.load_record(
            connection, registry, sites=[site], since=micros(now) - 2 * longest
        )
        for key, (revision, model) in sorted(models.items()):
            if model.site != site:
                continue
            issued = service.issue_last(model, record, micros(now))
            if as_json:
                print(json.dumps(_format_issued(model, issued, revision), ensure_ascii=False))
                continue
            print(f"{key}, model of {revision.effective:%Y-%m-%d %H:%M} by {revision.author}")
            if issued is None or issued.tier[0] < 0:
                print("  nothing is issued: readings are missing")
                continue
            issued_at = text(int(issued.times[0]))
            tier = model.tiers[int(issued.tier[0])].name
            print(f"  at {issued_at}: {issued.current[0]:.3f} {model.unit}, from: {tier}")
            for place, horizon in enumerate(model.horizons):
                low, middle, high = (
                    issued.values[0, place, model.levels.index(level)] for level in (0.1, 0.5, 0.9)
                )
                print(f"  in {_span(horizon):>7}: {middle:.3f} ({low:.3f} to {high:.3f})")


def _format_issued(model: Any, issued: Any, revision: Any) -> dict[str, Any]:
    from hypervisor.base.instants import text

    there = issued is not None and issued.tier[0] >= 0
    return {
        "site": model.site,
        "quantity": model.quantity,
        "unit": model.unit,
        "effective": revision.effective.isoformat(),
        "author": revision.author,
        "issued": text(int(issued.times[0])) if issued is not None else None,
        "inputs": model.tiers[int(issued.tier[0])].name if there else None,
        "levels": list(model.levels),
        "horizons": [
            {"horizon_s": horizon // 1_000_000, "values": issued.values[0, place].tolist()}
            for place, horizon in enumerate(model.horizons)
        ]
        if there
        else [],
        "skill": model.skill,
    }


def verify(
    inventory: Annotated[
        list[str], typer.Option(help="Sites and devices: an example's name or files.")
    ],
    file: Annotated[list[Path], typer.Option(help="A recording (may be repeated).")],
    thresholds: Annotated[
        str,
        typer.Option(
            help="Names such as 'attention,alert', values such as '150 m3/s', return levels such as"
            " '2y,5y'; default: the inventory's."
        ),
    ] = "",
    train: Annotated[
        Files,
        typer.Option(help="Fit on these recordings only; default: on the other floods of --file."),
    ] = None,
    site: Sites = None,
    column: Columns = None,
    horizons: Annotated[str, typer.Option(help="Horizons such as '1 h,3 h'.")] = "1 h,3 h,6 h",
    as_json: Json = False,
) -> None:
    """What forecasts would have been worth on a record: lead, POD, FAR, CSI, coverage.

    Needs no instance. Each flood is forecast by models that never saw it.
    """
    from rich.console import Console

    from hypervisor.forecast.skill import format_result
    from hypervisor.forecast.tables import summary_table, tables
    from hypervisor.forecast.thresholds import check_words
    from hypervisor.forecast.verification import verify_files

    words = [word.strip() for word in thresholds.split(",") if word.strip()]
    record = _read(file, inventory, column, site)
    check_words(record.gauges, words)
    learned = _read(train, inventory, column, site) if train else None
    results = verify_files(record, words, train=learned, horizons=_spans(horizons), tick=_tick())
    for note in record.notes:
        print_note(note)
    if as_json:
        print(json.dumps([format_result(result) for result in results], ensure_ascii=False))
        return
    console = Console(width=None if sys.stdout.isatty() else 130)
    for part in tables(results):
        console.print(part)
    console.print(summary_table(results))


def _read(files: list[Path], inventory: list[str], column: Texts, site: Texts) -> "Record":
    from hypervisor.forecast.record import read_record
    from sensors._domain import catalogue

    return read_record(files, inventory, catalogue(), columns=column, sites=site or ())


def _spans(words: str) -> list[int] | None:
    from sensors._scalars import ScalarError, duration

    try:
        spans = [round(duration(word.strip()) * 1e6) for word in words.split(",") if word.strip()]
    except ScalarError as error:
        raise typer.BadParameter(str(error), param_hint="--horizons") from error
    return sorted(set(spans)) or None


def _span(horizon: int) -> str:
    minutes = horizon // 60_000_000
    return f"{minutes} min" if minutes % 60 else f"{minutes // 60} h"


def _tick() -> "Tick":
    """The names of gauges on a terminal's stderr, as they are done."""
    if not sys.stderr.isatty():
        return lambda _: None
    return lambda name: print(f"\r{name:40}", end="", file=sys.stderr)

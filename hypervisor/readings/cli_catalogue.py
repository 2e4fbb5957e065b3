"""The catalogue, for authors of mappings, rules and inventories: quantities, models, thresholds."""

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sensors._domain import Catalogue

_COMMON = "common"  # to devices of every domain
_FIELDS = ("name", "unit", "kind", "low", "high", "label_en", "label_fr", "codes")
Row = tuple[str, dict[str, object], list[str]]  # domain, fields of --json, cells
DomainName = Annotated[
    str | None, typer.Argument(help="Only this domain's, or `common` (default: all).")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def attach(app: typer.Typer) -> None:
    app.command("quantities")(list_quantities)
    app.command("models")(list_models)
    app.command("thresholds")(list_thresholds)


def list_quantities(domain: DomainName = None, as_json: AsJson = False) -> None:
    """The catalogue's quantities: name, unit, kind, physical range, labels."""
    from rich.console import Console

    from sensors._domain import catalogue

    words = catalogue()
    rows: list[Row] = [
        (
            words.domain_of.get(name, _COMMON),
            {field: getattr(q, field) for field in _FIELDS},
            [name, q.unit, str(q.kind), f"{q.low:g} … {q.high:g}", f"{q.label_en} / {q.label_fr}"],
        )
        for name, q in words.quantities.items()
    ]
    _print_rows(words, rows, domain, ("name", "unit", "kind", "range", "meaning"), as_json=as_json)
    if not as_json:
        Console().print(
            "gauge: the last value holds; increment: the amount since the last message;"
            " counter: a running total; state: holds while its device is heard"
        )


def list_models(domain: DomainName = None, as_json: AsJson = False) -> None:
    """The device models that an inventory may name: vendor, what they measure."""
    from sensors._domain import catalogue

    words = catalogue()
    owners = {model.name: name for name, each in words.domains.items() for model in each.models}
    rows: list[Row] = [
        (
            owners.get(name, _COMMON),
            {
                "name": name,
                "vendor": model.vendor,
                "quantities": list(model.quantities),
                "description": model.description,
            },
            [name, model.vendor, " ".join(model.quantities)],
        )
        for name, model in words.models.items()
    ]
    _print_rows(words, rows, domain, ("name", "vendor", "quantities"), as_json=as_json)


def list_thresholds(domain: DomainName = None, as_json: AsJson = False) -> None:
    """The thresholds that sites may have, and rules may name: of what, in which unit."""
    from sensors._domain import catalogue

    words = catalogue()
    rows: list[Row] = [
        (
            words.domain_of.get(t.quantity, _COMMON),
            {
                "name": name,
                "quantity": t.quantity,
                "unit": t.unit,
                "above": t.above,
                "label_en": t.label_en,
                "label_fr": t.label_fr,
            },
            [name, t.quantity, t.unit, f"{t.label_en} / {t.label_fr}"],
        )
        for name, t in words.thresholds.items()
    ]
    _print_rows(words, rows, domain, ("name", "of", "unit", "meaning"), as_json=as_json)


def _print_rows(
    words: "Catalogue",
    rows: Iterable[Row],
    domain: str | None,
    headings: Sequence[str],
    *,
    as_json: bool,
) -> None:
    """Those of the domain, by domain and name."""
    from rich.console import Console
    from rich.table import Table

    from sensors._domain import CatalogueError

    domains = [*words.domains, _COMMON]
    if domain is not None and domain not in domains:
        raise CatalogueError(f"no domain {domain!r}; there are {', '.join(domains)}")
    shown = sorted(
        (row for row in rows if domain in (None, row[0])),
        key=lambda row: (domains.index(row[0]), row[2][0]),
    )
    if as_json:
        for owner, fields, _ in shown:
            print(json.dumps({"domain": owner, **fields}, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, no_wrap=heading != headings[-1])
    above = None
    for owner, _, cells in shown:
        if owner != above:
            table.add_row(f"[bold]{owner}[/bold]")
        table.add_row(*cells)
        above = owner
    Console().print(table)

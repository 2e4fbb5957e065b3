"""`hypervisor quantities`: what can be measured, for authors of mappings, rules and inventories."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sensors._quantity import Quantity

_COMMON = "common"  # to devices of every domain


def attach(app: typer.Typer) -> None:
    app.command("quantities")(list_quantities)


def list_quantities(
    domain: Annotated[
        str | None, typer.Argument(help="Only this domain's, or `common` (default: all).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """The catalogue's quantities: name, unit, kind, physical range, what they are called."""
    from sensors._domain import CatalogueError, catalogue

    words = catalogue()
    domains = [*words.domains, _COMMON]
    if domain is not None and domain not in domains:
        raise CatalogueError(f"no domain {domain!r}; there are {', '.join(domains)}")
    rows = [
        (words.domain_of.get(name, _COMMON), quantity)
        for name, quantity in words.quantities.items()
        if domain in (None, words.domain_of.get(name, _COMMON))
    ]
    rows.sort(key=lambda row: (domains.index(row[0]), row[1].name))
    if as_json:
        for of, quantity in rows:
            print(json.dumps(_to_json(of, quantity), ensure_ascii=False))
    else:
        _print_table(rows)


def _to_json(domain: str, quantity: "Quantity") -> dict[str, object]:
    return {
        "domain": domain,
        "name": quantity.name,
        "unit": quantity.unit,
        "kind": str(quantity.kind),
        "low": quantity.low,
        "high": quantity.high,
        "label_en": quantity.label_en,
        "label_fr": quantity.label_fr,
        "codes": quantity.codes,
    }


def _print_table(rows: "list[tuple[str, Quantity]]") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    for heading in ("domain", "name", "unit", "kind", "range", "English", "French"):
        table.add_column(heading, no_wrap=heading.islower(), overflow="fold")
    for domain, quantity in rows:
        span = f"{quantity.low:g} … {quantity.high:g}"
        table.add_row(
            domain,
            quantity.name,
            quantity.unit,
            str(quantity.kind),
            span,
            quantity.label_en,
            quantity.label_fr,
        )
    console = Console()
    console.print(table)
    console.print(
        "gauge: the last value holds; increment: the amount since the last message;"
        " counter: a running total; state: holds while its device is heard"
    )

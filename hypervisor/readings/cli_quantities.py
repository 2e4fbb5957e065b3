"""`hypervisor quantities`: what can be measured, for authors of mappings, rules and inventories."""

import json
from typing import Annotated

import typer

_COMMON = "common"  # to devices of every domain
_FIELDS = ("name", "unit", "kind", "low", "high", "label_en", "label_fr", "codes")


def attach(app: typer.Typer) -> None:
    app.command("quantities")(list_quantities)


def list_quantities(
    domain: Annotated[
        str | None, typer.Argument(help="Only this domain's, or `common` (default: all).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """The catalogue's quantities: name, unit, kind, physical range, labels."""
    from rich.console import Console
    from rich.table import Table

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
        for owner, quantity in rows:
            fields = {name: getattr(quantity, name) for name in _FIELDS}
            print(json.dumps({"domain": owner, **fields}, ensure_ascii=False))
        return
    console = Console()
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "unit", "kind", "range", "meaning"):
        table.add_column(heading, no_wrap=heading != "meaning")
    owners = [owner for owner, _ in rows]
    for (owner, q), above in zip(rows, [None, *owners], strict=False):
        if owner != above:
            table.add_row(f"[bold]{owner}[/bold]")
        span = f"{q.low:g} … {q.high:g}"
        table.add_row(q.name, q.unit, str(q.kind), span, f"{q.label_en} / {q.label_fr}")
    console.print(table)
    console.print(
        "gauge: the last value holds; increment: the amount since the last message;"
        " counter: a running total; state: holds while its device is heard"
    )

"""`hypervisor armed-rules`: rules that may send what they propose by themselves."""

from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.database.command import (
    Author,
    Json,
    name_author,
    open_database,
    parse_optional_instant,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from hypervisor.commands.arming import ArmingOrder

_Rule = Annotated[str, typer.Argument(help="A rule that proposes something as automatic.")]
_Site = Annotated[str, typer.Argument(help="Where the devices stand that it commands.")]
_Reason = Annotated[str, typer.Option(help="Why, in a few words.")]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True, help="Rules that may send by themselves what they propose."
    )
    group.command("list")(list_armed)
    group.command("arm")(arm)
    group.command("disarm")(disarm)
    app.add_typer(group, name="armed-rules")


def list_armed(context: typer.Context, as_json: Json = False) -> None:
    """List what is armed, where and until when."""
    from hypervisor.commands import queries, queries_arming
    from hypervisor.commands.schemas_arming import describe_arming
    from hypervisor.registry.queries_works import load_in_force

    with open_database(context) as connection:
        rules = load_in_force(connection, "rule", queries.read_clock(connection))
        rows = [describe_arming(row, rules) for row in queries_arming.list_armed(connection)]
    if as_json:
        print_json([row.model_dump(mode="json") for row in rows])
        return
    print_table(
        ("rule", "site", "from", "until", "sends", "author", "reason"),
        (
            (
                *(row.rule, row.site, f"{row.starts:%Y-%m-%d %H:%M}Z"),
                f"{row.ends:%Y-%m-%d %H:%M}Z",
                "yes" if row.valid else "no: revised since",
                *(row.author, row.reason),
            )
            for row in rows
        ),
        empty="no rule is armed",
    )


def arm(
    context: typer.Context,
    rule: _Rule,
    site: _Site,
    until: Annotated[str, typer.Option(help="End, such as 2026-02-01T08:00Z.")],
    reason: _Reason,
    starts: Annotated[str, typer.Option("--from", help="Start; default: now.")] = "",
    author: Author = "",
) -> None:
    """Let a rule send by itself, at a site, what it proposes as automatic."""
    from hypervisor.commands.arming import ArmingOrder

    order = ArmingOrder(
        rule=rule,
        site=site,
        ends=parse_optional_instant(until, "--until"),
        starts=parse_optional_instant(starts, "--from"),
        author=name_author(author),
        reason=reason,
    )
    if order.ends is None:
        raise typer.BadParameter("say until when", param_hint="--until")
    _change(context, order)
    typer.echo(f"{rule} is armed at {site} until {order.ends:%Y-%m-%d %H:%M}Z")


def disarm(
    context: typer.Context, rule: _Rule, site: _Site, reason: _Reason, author: Author = ""
) -> None:
    """Disarm a rule at a site at once: it proposes, and sends nothing."""
    from hypervisor.commands.arming import ArmingOrder

    order = ArmingOrder(rule=rule, site=site, ends=None, author=name_author(author), reason=reason)
    _change(context, order)
    typer.echo(f"{rule} is not armed at {site}")


def _change(context: typer.Context, order: "ArmingOrder") -> None:
    from hypervisor.commands.arming import change
    from hypervisor.registry.queries import load
    from sensors._domain import catalogue

    with open_database(context) as connection:
        change(connection, load(connection), catalogue(), order)

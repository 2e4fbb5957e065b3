"""`hypervisor gauge`: replace a device, set a gauge's datum."""

from typing import Annotated

import typer

from hypervisor.database.command import Author, Json, parse_instant, print_note

At = Annotated[str, typer.Option("--at", help="When it was done: 2024-10-29T15:10:00+01:00.")]
Reason = Annotated[str, typer.Option(help="Why; kept with each revision.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the difference, change nothing.")]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Replace a device; set a gauge's datum.")
    group.command()(replace)
    group.command("set-datum")(set_datum)
    group.command("shift", hidden=True, deprecated=True)(set_datum)  # the old name
    app.add_typer(group, name="gauge")


def replace(
    context: typer.Context,
    old: Annotated[str, typer.Argument(help="The device to retire.")],
    new: Annotated[str, typer.Argument(help="The name of its successor.")],
    at: At,
    reason: Reason,
    model: Annotated[str, typer.Option(help="Its model; default: the old one's.")] = "",
    gateway: Annotated[str, typer.Option(help="Its gateway; default: the old one's.")] = "",
    address: Annotated[
        str, typer.Option(help="Its address at the gateway, such as its DevEUI.")
    ] = "",
    keep_address: Annotated[
        bool,
        typer.Option(
            "--keep-address", help="Keep the radio and its address; only the sensor is new."
        ),
    ] = False,
    own_account: Annotated[
        bool, typer.Option("--own-account", help="Connect directly, without a gateway.")
    ] = False,
    author: Author = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Retire a device; its successor takes over series, ranges, groups and thresholds."""
    from hypervisor.registry.apply import Act
    from hypervisor.registry.cli_inventory import apply_and_print
    from hypervisor.registry.device_replacement import Successor, replace_device
    from sensors._domain import catalogue

    successor = Successor(
        name=new,
        old=old,
        at=parse_instant(at, "--at"),
        model=model or None,
        gateway=gateway or None,
        address=address or None,
        keeps_address=keep_address,
        own_account=own_account,
    )
    domain_catalogue = catalogue()
    changes = apply_and_print(
        context,
        lambda registry, now: [
            replace_device(registry, successor, now=now, catalogue=domain_catalogue)
        ],
        act=Act(kind="gauge-replace", subject=old),
        author=author,
        reason=reason,
        dry_run=dry_run,
        as_json=as_json,
    )
    gateways = [device.gateway for device in changes.devices if device.name == new]
    if not dry_run and gateways == [None]:
        print_note(f"its account on the broker: hypervisor device add {new}")


def set_datum(
    context: typer.Context,
    site: Annotated[str, typer.Argument(help="The site of the gauge.")],
    at: At,
    reason: Reason,
    zero: Annotated[str, typer.Option(help="The new datum, above the sea: 48.73 m.")] = "",
    by: Annotated[str, typer.Option(help="How far it moved upwards: +0.12 m.")] = "",
    keep_thresholds: Annotated[
        bool, typer.Option("--keep-thresholds", help="Thresholds already refer to the new datum.")
    ] = False,
    author: Author = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Set a gauge's datum and shift its levels, so that the same water raises the same alarm."""
    from hypervisor.registry.apply import Act
    from hypervisor.registry.cli_inventory import apply_and_print
    from hypervisor.registry.datum_shift import DatumShift, shift_datum
    from sensors._domain import catalogue

    request = DatumShift(
        site=site,
        at=parse_instant(at, "--at"),
        zero=_metres(zero, "--zero"),
        by=_metres(by, "--by"),
        keep_thresholds=keep_thresholds,
    )
    domain_catalogue = catalogue()
    apply_and_print(
        context,
        lambda registry, now: shift_datum(registry, request, now=now, catalogue=domain_catalogue),
        act=Act(kind="gauge-shift", subject=site),
        author=author,
        reason=reason,
        dry_run=dry_run,
        as_json=as_json,
    )


def _metres(text: str, option: str) -> float | None:
    from sensors._scalars import ScalarError, measure

    if not text:
        return None
    try:
        return measure(text, "m")
    except ScalarError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error

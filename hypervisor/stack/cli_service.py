"""`hypervisor service`: the instance as a service of systemd, started with the machine."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hypervisor.stack.service_unit import ServiceUnit

Own = Annotated[
    bool,
    typer.Option("--user", help="As a service of your user, not of the system (without root)."),
]
Name = Annotated[str, typer.Option(help="The unit's name, if there are several.")]
_USUAL = "territory-hypervisor"


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="The instance as a service of systemd.")
    group.command("install")(install_service)
    group.command("remove")(remove_service)
    group.command("show")(show_service)
    app.add_typer(group, name="service")


def install_service(context: typer.Context, own: Own = False, name: Name = _USUAL) -> None:
    """Start the instance now and with the machine; again after an update of the unit."""
    from hypervisor.stack import service_unit

    unit = _describe(context.obj, own=own, name=name)
    service_unit.install(unit)
    then = "sign-in; `loginctl enable-linger` starts it at boot" if own else "boot"
    user = repr(unit.account.name) if unit.account is not None else "you"
    print(f"{unit.file}: runs {unit.data} as {user}, from now on and after each {then}")
    print(f"{' '.join(unit.systemctl)} status {name}")


def remove_service(context: typer.Context, own: Own = False, name: Name = _USUAL) -> None:
    """Stop the service and delete its unit; the data stay."""
    from hypervisor.stack import service_unit

    unit = _describe(context.obj, own=own, name=name)
    print(f"{unit.file}: removed" if service_unit.remove(unit) else f"there is no {unit.file}")


def show_service(context: typer.Context, own: Own = False, name: Name = _USUAL) -> None:
    """Print the unit; change nothing."""
    print(_describe(context.obj, own=own, name=name).text(), end="")


def _describe(data: Path | None, *, own: bool, name: str) -> "ServiceUnit":
    from hypervisor.base.settings import load_settings
    from hypervisor.stack.service_unit import describe_service

    return describe_service(data or load_settings().data, name=name, own=own)

"""`hypervisor cluster`: make the plan of three machines, and join one to it."""

from pathlib import Path
from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    group = typer.Typer(no_args_is_help=True, help="Three machines, of which any may be lost.")
    group.command()(make)
    group.command()(join)
    group.command()(admit)
    app.add_typer(group, name="cluster")


def make(
    file: Annotated[Path, typer.Argument(help="The plan, with all secrets; a new file.")],
    machines: Annotated[str, typer.Option(help="Their three IP addresses, with commas.")],
    name: Annotated[str, typer.Option(help="The instance's display name.")] = "territory",
    restored: Annotated[
        bool,
        typer.Option("--restored", help="Its data comes from a backup: nothing starts before."),
    ] = False,
) -> None:
    """Write the plan of a cluster, once; every machine is then joined with a copy."""
    import os

    from hypervisor.cluster.plan import PlanError, make_plan

    plan = make_plan(name, machines.replace(",", " ").split(), restored=restored)
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise PlanError("{file} is there already; a new plan needs a new file", file) from error
    with os.fdopen(descriptor, "w") as opened:
        opened.write(plan.text())
    print(f"{file}: the plan of {', '.join(plan.addresses)}; it holds every secret")
    for machine in plan.machines:
        print(f"on {machine.address}: hypervisor cluster join {file.name} --as {machine.number}")


def join(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The plan that `cluster make` wrote.")],
    number: Annotated[int, typer.Option("--as", min=1, max=3, help="Which machine this is.")],
) -> None:
    """Make this machine one of a cluster: its data folder takes the plan; `up` starts it."""
    from hypervisor.base.settings import load_settings
    from hypervisor.broker.folder import PLAN_FILE, open_folder
    from hypervisor.broker.server_account import server_account
    from hypervisor.cluster import settings_file
    from hypervisor.cluster.plan import PlanError, read_plan

    plan = read_plan(file)
    folder = open_folder(context.obj or load_settings().data, server_account())
    if folder.settings_file.exists() and not (folder.root / PLAN_FILE).exists():
        raise PlanError(
            "{folder} holds an instance of one machine; join with another --data. To bring"
            " its data over: `cluster make --restored`, and a backup of it",
            folder.root,
        )
    member = settings_file.join(folder, plan, number)
    print(f"{folder.root}: machine {number} of {plan.name!r}, at {member.machine.address}")


def admit(context: typer.Context) -> None:
    """Answer this machine's broker whom it may let in (`up` runs this)."""
    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.broker.folder import DataFolder
    from hypervisor.broker.server_account import server_account
    from hypervisor.cluster import admission_server
    from hypervisor.cluster.plan import PlanError, read_member

    settings = load_settings(context.obj)
    if settings.machine is None:
        raise PlanError("this is no machine of a cluster: `hypervisor cluster join` makes it one")
    log_to_stderr()
    folder = DataFolder(root=settings.data, account=server_account())
    member = read_member(folder, settings.machine)
    admission_server.run(settings, member, stopping=stopping())

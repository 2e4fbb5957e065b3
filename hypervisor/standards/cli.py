"""`hypervisor observations`: new readings over MQTT as SensorThings has them, and who listens."""

from typing import Annotated

import typer


def attach(app: typer.Typer) -> None:
    group = typer.Typer(help="Tell new readings over MQTT (SensorThings); manage listeners.")
    group.callback(invoke_without_command=True)(run_observations)
    group.command("listener")(set_listener)
    app.add_typer(group, name="observations")


def run_observations(context: typer.Context) -> None:
    """Tell new readings until stopped (part of `up` where HYPERVISOR_SENSORTHINGS_MQTT is true)."""
    if context.invoked_subcommand is not None:
        return
    import os

    from hypervisor.base.process import log_to_stderr, stopping
    from hypervisor.base.settings import load_settings
    from hypervisor.standards import observations
    from sensors._domain import catalogue

    log_to_stderr()
    os.nice(observations.NICE)
    observations.run(load_settings(context.obj), catalogue(), stopping=stopping())


def set_listener(
    context: typer.Context,
    account: Annotated[str, typer.Argument(help="An account of the hypervisor.")],
    remove: Annotated[bool, typer.Option("--remove", help="Let it listen no longer.")] = False,
) -> None:
    """Let an account listen to its territory's new readings: a broker account observations.ACCOUNT.

    Again after devices were added to a territory: the password changes, too.
    """
    from hypervisor.base.settings import load_settings
    from hypervisor.broker import accounts, passwords
    from hypervisor.database.command import open_database
    from hypervisor.standards import listeners

    store = accounts.open_accounts(load_settings(context.obj))
    name = passwords.listener_account(account)
    if remove:
        store.change(drop=frozenset({name}))
        print(f"account {name} removed")
        return
    with open_database(context, autocommit=True) as connection:
        topics = listeners.list_topics(connection, account)
    password = passwords.new_password()
    store.change(put={name: password}, topics={name: topics})
    shown = topics[0] if len(topics) == 1 else f"{topics[0]} and {len(topics) - 1} others"
    print(f"account   {name}\npassword  {password}\ntopics    {shown}")

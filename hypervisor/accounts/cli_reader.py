"""`hypervisor reader`: roles of the database for programs that ask it in SQL, as Grafana does."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from hypervisor.database.command import (
    Author,
    Json,
    name_author,
    open_database,
    open_instance,
    print_json,
    print_note,
    print_table,
)

if TYPE_CHECKING:
    from hypervisor.accounts.queries_readers import Reader
    from hypervisor.database.connect import Connection

Reason = Annotated[str, typer.Option(help="Why.")]
Stdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password instead of making one.")
]
_EVERYTHING = "the whole territory"


def attach(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True, help="Roles that read the database in SQL, for Grafana."
    )
    group.command("add")(add_reader)
    group.command("list")(list_readers)
    group.command("rotate")(rotate_password)
    group.command("remove")(remove_reader)
    app.add_typer(group, name="reader")


def add_reader(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is for; its role is reader_NAME.")],
    area: Annotated[
        str | None, typer.Option(help="A code: it reads that area alone. Default: everything.")
    ] = None,
    personal: Annotated[
        bool, typer.Option("--personal", help="It also reads personal data, such as telecare.")
    ] = False,
    password_stdin: Stdin = False,
    author: Author = "",
) -> None:
    """Make a reader; its password, if none is given, is made and shown once."""
    from hypervisor.accounts import readers

    secret = _read_or_generate_password(given=password_stdin)
    opened, settings = open_instance(context)
    with opened as connection:
        made = readers.add_reader(
            connection,
            name,
            secret,
            area=area,
            personal=personal,
            author=name_author(author),
            timeout=settings.reader_timeout_seconds,
        )
        message = (
            f"{made.role} reads {_describe_scope(made)}\n\n{_format_data_source(connection, made)}"
        )
    _print_secret(secret, given=password_stdin)
    print_note(message)


def list_readers(context: typer.Context, as_json: Json = False) -> None:
    """All readers and what they read."""
    from hypervisor.accounts import queries_readers as readers

    with open_database(context) as connection:
        rows = readers.list_readers(connection)
    if as_json:
        print_json(
            {
                "name": row.name,
                "role": row.role,
                "area": row.area,
                "created_at": row.created_at.isoformat(),
                "created_by": row.created_by,
                "made_at": row.created_at.isoformat(),  # old keys, for one version
                "made_by": row.created_by,
                "may_log_in": row.may_log_in,
            }
            for row in rows
        )
        return
    table = [
        (
            row.name,
            row.role if row.may_log_in else f"not here: hypervisor reader rotate {row.name}",
            _describe_scope(row),
            f"{row.created_at:%Y-%m-%d %H:%M}",
            row.created_by,
        )
        for row in rows
    ]
    columns = ("reader", "role", "reads", "made (UTC)", "by")
    print_table(columns, table, empty="no reader yet: hypervisor reader add NAME")


def rotate_password(
    context: typer.Context, name: str, password_stdin: Stdin = False, author: Author = ""
) -> None:
    """Give a reader another password; sessions with the old one are ended."""
    from hypervisor.accounts import readers

    secret = _read_or_generate_password(given=password_stdin)
    opened, settings = open_instance(context)
    with opened as connection:
        reader = readers.rotate_password(
            connection,
            name,
            secret,
            author=name_author(author),
            timeout=settings.reader_timeout_seconds,
        )
    _print_secret(secret, given=password_stdin)
    print_note(f"the old password of {reader.role} is void")


def remove_reader(
    context: typer.Context, name: str, author: Author = "", reason: Reason = ""
) -> None:
    """Take a reader and its role away."""
    from hypervisor.accounts import readers

    with open_database(context) as connection:
        readers.remove_reader(connection, name, author=name_author(author), reason=reason)
    print_note(f"{name} reads no more")


def _describe_scope(reader: "Reader") -> str:
    area = _EVERYTHING if reader.area is None else f"{reader.area_name} ({reader.area})"
    return f"{area}, with personal data" if reader.personal else area


def _format_data_source(connection: "Connection", reader: "Reader") -> str:
    """What Grafana's form asks for, in its order."""
    from hypervisor.accounts.queries_readers import MAX_CONNECTIONS

    info = connection.info
    encrypted = bool(connection.pgconn.ssl_in_use)
    lines = {
        "Host URL": f"{info.host}:{info.port}",
        "Database name": info.dbname,
        "Username": reader.role,
        "TLS/SSL mode": "require" if encrypted else "disable",
        "Max open": f"{MAX_CONNECTIONS}",
        "Version": f"{info.server_version // 10000}",
        "TimescaleDB": "on",
    }
    text = "\n".join(f"  {key:<14} {value}" for key, value in lines.items())
    return f"In Grafana, a PostgreSQL data source (the host as Grafana's machine names it):\n{text}"


def _read_or_generate_password(*, given: bool) -> str:
    from hypervisor.access import passwords

    return sys.stdin.readline().rstrip("\r\n") if given else passwords.generate()


def _print_secret(secret: str, *, given: bool) -> None:
    if not given:
        print(secret, flush=True)

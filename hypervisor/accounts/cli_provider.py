"""`hypervisor provider`: sign-in with the authority's identity provider, and its rules."""

from typing import Annotated

import typer

from hypervisor.database.command import Author, name_author, open_database, open_instance

Reason = Annotated[str, typer.Option(help="Why.")]


def attach(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True, help="Sign-in with the authority's identity provider."
    )
    group.command("check")(check_provider)
    group.command("apply")(apply_rules)
    group.command("show")(show_rules)
    group.command("log")(list_revisions)
    group.command("try")(try_claims)
    group.command("link")(link_account)
    app.add_typer(group, name="provider")


def check_provider(context: typer.Context) -> None:
    """Read the provider's discovery and keys; print the addresses to register there."""
    from datetime import UTC, datetime

    from hypervisor.accounts import provider as providers
    from hypervisor.base.settings import load_settings

    settings = load_settings(context.obj)
    base = (settings.public_url or f"http://{settings.web_host}:{settings.web_port}").rstrip("/")
    print(f"redirect URI:             {base}/login/provider/callback")
    print(f"post-logout redirect URI: {base}/login")
    print(f"back-channel logout URI:  {base}/login/provider/logout")
    provider = providers.load_provider(settings)
    if provider is None:
        raise typer.BadParameter("set HYPERVISOR_OIDC_ISSUER and HYPERVISOR_OIDC_CLIENT_ID")
    now = datetime.now(UTC)
    metadata = provider.discover(now)
    keys = len(list(provider.read_keys(now)))
    ends = metadata.end_session_endpoint or "none: people sign out here alone"
    print(f"issuer:                   {metadata.issuer}, {keys} keys")
    print(f"signs out at:             {ends}")


def apply_rules(
    context: typer.Context,
    file: Annotated[
        typer.FileText,
        typer.Argument(
            help="The sign-in rules (docs/accounts.md), or - for standard input.", encoding="utf-8"
        ),
    ],
    reason: Annotated[str, typer.Option(help="Why, in a few words.")],
    author: Author = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check it.")] = False,
) -> None:
    """Check the sign-in rules and apply them as a new revision."""
    from hypervisor.accounts import service_provider

    try:
        text = file.read()
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{file.name}: no UTF-8: {error}") from error
    with open_database(context) as connection:
        done = service_provider.apply_rules(
            connection, text, file=file.name, author=author, reason=reason, dry_run=dry_run
        )
    print(done)


def show_rules(context: typer.Context) -> None:
    """Print the sign-in rules in force."""
    from hypervisor.accounts import queries_provider

    with open_database(context) as connection:
        revision = queries_provider.RULES.find_revision(connection)
    if revision is None:
        raise typer.BadParameter("there are no sign-in rules: hypervisor provider apply FILE")
    print(revision.text, end="")


def list_revisions(context: typer.Context) -> None:
    """List the revisions of the rules: who, when, why."""
    from hypervisor.accounts import queries_provider

    with open_database(context) as connection:
        for revision in queries_provider.RULES.list_revisions(connection):
            print(revision)


def try_claims(
    context: typer.Context,
    claims: Annotated[
        typer.FileText, typer.Argument(help="Claims as JSON, or - for standard input.")
    ],
) -> None:
    """Show which account and roles these claims would give; changes nothing."""
    from hypervisor.accounts import service_provider, sign_in_rules
    from hypervisor.accounts.service import format_roles
    from sensors._foreign import ForeignError, read_json

    try:
        given = read_json(claims.read().encode())
    except (ValueError, ForeignError) as error:  # of an encoding
        raise typer.BadParameter(str(error)) from error
    if not isinstance(given, dict):
        raise typer.BadParameter("expected an object, claims and their values")
    with open_database(context) as connection:
        rules = service_provider.load_rules(connection)
        codes = service_provider.list_area_codes(connection)
    if rules is None:
        raise typer.BadParameter("there are no sign-in rules: hypervisor provider apply FILE")
    roles = sign_in_rules.find_roles(rules, given, codes)
    name = sign_in_rules.find_name(rules, given)
    print(f"account: {name or f'none: the claim {rules.account} is missing'}")
    print(f"name:    {sign_in_rules.build_title(given) or name}")
    print(
        f"roles:   {', '.join(format_roles(roles))}"
        if roles
        else f"no role: {sign_in_rules.describe_claims(rules, given)}"
    )


def link_account(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The account, with a password until now.")],
    subject: Annotated[
        str, typer.Argument(help="The claim sub of its person, as a refusal in the audit shows it.")
    ],
    author: Author = "",
    reason: Reason = "",
) -> None:
    """Let a local account be the provider's from now on: its password and tokens are void."""
    from datetime import UTC, datetime

    from hypervisor.accounts import service_provider

    opened, settings = open_instance(context)
    with opened as connection:
        if not settings.oidc_issuer:
            raise typer.BadParameter("set HYPERVISOR_OIDC_ISSUER")
        service_provider.link_account(
            connection,
            name,
            subject,
            issuer=settings.oidc_issuer,
            at=datetime.now(UTC),
            author=name_author(author),
            reason=reason,
        )
    print(f"{name} signs in with the identity provider; its roles follow at the next sign-in")

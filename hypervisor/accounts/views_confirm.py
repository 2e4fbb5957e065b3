"""Confirming that it is you, between a form and the act that it asks for."""

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response

from hypervisor.access import queries_factors
from hypervisor.access.identity import PROOF_FIELDS
from hypervisor.accounts import queries_provider
from hypervisor.accounts.views_factors import offer_passkey
from hypervisor.accounts.views_login import find_provider_rules, local_address
from hypervisor.base.person import Person
from hypervisor.database.pool import Pool
from hypervisor.web.plain import plain

TARGET, BACK = f"{PROOF_FIELDS}target", f"{PROOF_FIELDS}back"


@dataclass(frozen=True, kw_only=True)
class HeldForm:
    """A form that waits for the confirmation: its fields, and the address that it goes to.

    `back`: the page on which it stands. `proof`: the fields of the confirmation.
    """

    fields: tuple[tuple[str, str], ...]
    target: str
    back: str
    proof: dict[str, str]


async def read_held_form(request: Request) -> HeldForm:
    """The form of a request: an act that must be confirmed, or its confirmation."""
    texts = [(name, text) for name, text in (await request.form()).multi_items()
             if isinstance(text, str)]  # fmt: skip
    proof = {name: text for name, text in texts if name.startswith(PROOF_FIELDS)}
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    referer = urlsplit(request.headers.get("referer", ""))
    came_from = referer.path + (f"?{referer.query}" if referer.query else "")
    return HeldForm(
        fields=tuple(pair for pair in texts if not pair[0].startswith(PROOF_FIELDS)),
        target=local_address(proof.get(TARGET, here)),
        back=local_address(proof.get(BACK, came_from)),
        proof=proof,
    )


Held = Annotated[HeldForm, Depends(read_held_form)]


def render_confirmation(
    request: Request, person: Person, held: HeldForm, *, wrong: str = "", status_code: int = 403
) -> Response:
    """The page that asks for a proof; it hands the form on unchanged."""
    pool: Pool = request.app.state.pool
    with pool.owning() as connection:
        provider = None
        by_code = bool(queries_factors.list_factors(connection, person.account))
        if not by_code and queries_provider.is_provider_account(connection, person.account):
            provider = find_provider_rules(request, connection)
    return plain(
        request,
        "confirm.html",
        status_code=status_code,
        asker=person,
        held=held,
        target_field=TARGET,
        back_field=BACK,
        provider=provider,
        by_code=by_code,
        passkey_options=offer_passkey(request, person) if by_code else "",
        wrong=wrong,
    )

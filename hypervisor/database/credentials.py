"""Whether the session or token that a follower presented is still valid."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from hypervisor.base.person import Person

# An account `a` whose roles may still be believed: those that the identity provider's claims gave
# are confirmed by each sign-in, and without one for this long its tokens rest.
CONFIRMED = """(a.signed_in_at > %(now)s::timestamptz - interval '31 days'
    OR NOT EXISTS (SELECT FROM provider_account p WHERE p.account = a.id))"""
# Current roles of sessions and tokens that have neither expired nor been revoked.
_VALID = f"""
SELECT a.id, s.secret, NULL::integer, roles.held FROM session s JOIN account a ON a.id = s.account
CROSS JOIN LATERAL (SELECT array_agg(ARRAY[role, area]) AS held
    FROM account_role WHERE account = a.id) roles
WHERE s.secret = ANY (%(sessions)s) AND s.ends_at > %(now)s AND a.disabled_at IS NULL
UNION ALL
SELECT a.id, NULL, t.id, roles.held FROM api_token t JOIN account a ON a.id = t.account
CROSS JOIN LATERAL (SELECT array_agg(ARRAY[role, area]) AS held
    FROM account_role WHERE account = a.id) roles
WHERE t.id = ANY (%(tokens)s) AND t.ends_at > %(now)s AND t.revoked_at IS NULL
    AND a.disabled_at IS NULL AND {CONFIRMED}
"""  # noqa: S608  a constant


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A session (its digest) or a token, and the roles of its account when it was presented."""

    account: int
    session: bytes | None = None
    token: int | None = None
    roles: frozenset[tuple[str, str | None]] = frozenset()

    @classmethod
    def of(cls, person: Person) -> "Credential":
        return cls(
            account=person.account,
            session=person.session,
            token=person.token,
            roles=frozenset((grant.role.value, grant.area) for grant in person.grants),
        )


async def still_valid(
    connection: psycopg.AsyncConnection[Any], shown: Collection[Credential], now: datetime
) -> frozenset[Credential]:
    """Those that are valid at `now` with the same roles."""
    rows = await connection.execute(
        _VALID,
        {
            "sessions": [each.session for each in shown if each.session is not None],
            "tokens": [each.token for each in shown if each.token is not None],
            "now": now,
        },
    )
    valid = {
        Credential(
            account=account,
            session=None if session is None else bytes(session),
            token=token,
            roles=frozenset((role, area) for role, area in held or ()),
        )
        for account, session, token, held in await rows.fetchall()
    }
    return frozenset(valid & set(shown))

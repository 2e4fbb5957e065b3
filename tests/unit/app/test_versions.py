"""Every route that changes or deletes takes the mark of what its author saw, or says why not."""

import re

import pytest

from hypervisor.base.errors import ConflictError, UnseenError
from hypervisor.base.versions import ANY, LATEST, make_mark, require_current, require_no_later
from tests.contract import file

GUARDS = re.compile(r"^(\^if-match|=(seen|version|mark))\b", re.IGNORECASE)
BODIES = {"ActRequest", "ActPost", "DraftPost", "SignaturePost"}  # a version stands in them
# Why a route needs none.
EXEMPT = {
    "PUT /api/v1/auth/me/password": "one's own, with the old password",
    "DELETE /api/v1/auth/tokens/{number}": "void for good; again, it changes nothing",
    "DELETE /api/v1/past-events/{number}": "withdrawn for good, by its number",
    "POST /api/v1/exercises/injects/{number}/fire": "fires once: its state refuses the second",
    "POST /admin/accounts/{name}/password": "another password, whatever the one before was",
    "POST /admin/accounts/{name}/use": "names the state that it wants",
    "POST /account/tokens/{number}/revoke": "void for good",
    "POST /admin/tokens/{number}/revoke": "void for good",
    "POST /admin/devices/{name}/account": "another password, whatever the one before was",
    "POST /admin/devices/{name}/service": "names the state that it wants",
    "POST /api/v1/incidents/{number}/owner": "whoever takes it last has it",
    "POST /incidents/{number}/owner": "whoever takes it last has it",
    "POST /api/v1/commands/{key}/steps": "its state refuses what was done already",
    "POST /commands/{key}/acts": "its state refuses what was done already",
    "POST /proposed-commands/{number}/order": "ordered once, under its own key",
    "POST /api/v1/proposed-commands/{number}/order": "ordered once, under its own key",
    "POST /api/v1/handovers/{number}/steps": "its state refuses what was done already",
    "POST /api/v1/readings/acts/{number}/undo": "an act is undone once",
    "POST /sites/{name}/undo": "an act is undone once",
    "POST /sites/{name}/observe": "adds a version of a reading",
    "POST /sites/{name}/aside": "adds versions of readings",
    "POST /api/v1/field/orders/{number}/acts": "has a key of its own; checked against the state",
    "POST /api/v1/field/orders/{number}/photos": "adds",
    "POST /thresholds/{key}/events": "adds",
    "POST /rules/{rule}": "its form has the mark, among fields that no listing names",
    "POST /admin/inventory/form/{kind}": "its form has the mark, among fields of its kind",
    "POST /incidents/{number}/entries": "adds",
    "POST /rules/{rule}/draft": "writes nothing",
    "POST /rules/{rule}/trial": "writes nothing",
    "POST /handover/{number}": "its state refuses what was done already",
    "POST /public/unsubscribe/{token}": "ends for good",
    "POST /public/subscriptions/{token}": "confirms for good",
}
ADDS = re.compile(
    r"^POST /(api/v1/)?(exercises/runs/\{number\}/|series/|incidents/\{number\}/attachments|hooks/)"
)


def list_changes() -> list[list[str]]:
    """Routes that change something with a name or number of its own."""
    entries = file("routes").read_text().replace("\n    ", " ").splitlines()
    flat = [entry.split("; ") for entry in entries if re.match("(PUT|PATCH|DELETE|POST) /", entry)]
    return [parts for parts in flat if not parts[0].startswith("POST") or "{" in parts[0]]


def test_every_change_is_guarded_or_says_why_not() -> None:
    routes = list_changes()
    assert len(routes) > 50
    unguarded = {
        parts[0]
        for parts in routes
        if not any(GUARDS.match(part) for part in parts[1:])
        and not any(part.removeprefix("takes ") in BODIES for part in parts[1:])
        and not ADDS.match(parts[0])
    }
    assert unguarded - EXEMPT.keys() == set()
    assert EXEMPT.keys() - unguarded == set(), "guarded, or gone"
    for parts in routes:
        if parts[0].startswith(("PUT", "PATCH", "DELETE")) and parts[0] not in EXEMPT:
            assert any(part.lower().startswith("^if-match") for part in parts), parts[0]


@pytest.mark.parametrize(
    ("seen", "current", "error"),
    [
        (None, None, None),
        (None, "a", UnseenError),
        ("a", "a", None),
        (ANY, "a", None),
        ("b", "a", ConflictError),
        ("a", None, ConflictError),
        (ANY, None, ConflictError),
        ("", "a", ConflictError),
    ],
)
def test_what_was_seen_must_stand(
    seen: str | None, current: str | None, error: type[Exception] | None
) -> None:
    if error is None:
        require_current(seen, current, "it")
    else:
        with pytest.raises(error, match="it "):
            require_current(seen, current, "it")


def test_no_later_decision_is_overruled() -> None:
    require_no_later(None, 0, "it")
    require_no_later(LATEST, 7, "it")
    with pytest.raises(UnseenError):
        require_no_later(None, 7, "it")
    require_no_later(7, 7, "it")
    with pytest.raises(ConflictError):
        require_no_later(6, 7, "it")
    assert make_mark(("a", 1)) != make_mark(("a", 2))

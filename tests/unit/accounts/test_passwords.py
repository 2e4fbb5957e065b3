"""What is asked of a password, and how it is kept."""

import pytest

from hypervisor.accounts import passwords, secrets
from hypervisor.accounts.errors import AccountError


@pytest.mark.parametrize("said", ["short", "aaaaaaaaaaaaaaaa", "Anne-2024-secret", "x" * 201])
def test_what_may_not_be_taken(said: str) -> None:
    with pytest.raises(AccountError):
        passwords.checked(said, name="anne")


def test_one_that_is_made_may_be_taken_and_fits_only_itself() -> None:
    said = passwords.made()
    assert passwords.checked(said, name="anne") == said
    kept = passwords.hashed(said)
    assert kept.startswith("$argon2id$")
    assert passwords.fits(kept, said)
    assert not passwords.fits(kept, said.lower() + "x")
    assert not passwords.fits(None, said)
    assert not passwords.fits("not a hash", said)


def test_a_forms_token_belongs_to_one_session_and_does_not_tell_it() -> None:
    one, other = secrets.new_session(), secrets.new_session()
    assert secrets.csrf(one) != secrets.csrf(other)
    assert one not in secrets.csrf(one)
    assert secrets.same(secrets.csrf(one), secrets.csrf(one))
    assert not secrets.same("é", secrets.csrf(one))

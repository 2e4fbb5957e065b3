"""What is asked of a password, and how it is kept."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from hypervisor.access import passwords, secrets
from hypervisor.access.errors import AccountError

LETTERS = "abcdefghijkl"  # as few, and as many, as a password may have


@pytest.mark.parametrize(
    "said",
    [
        *("short", "aaaaaaaaaaaaaaaa", "Anne-2024-secret", LETTERS[:11]),
        *(LETTERS * 16 + LETTERS[:9], "abcde" * 3),
    ],
)
def test_what_may_not_be_taken(said: str) -> None:
    with pytest.raises(AccountError):
        passwords.require_strong(said, name="anne")


@pytest.mark.parametrize("said", [LETTERS, LETTERS * 16 + LETTERS[:8], "abcdef" * 2])
def test_what_may_just_be_taken(said: str) -> None:
    assert passwords.require_strong(said, name="anne") == said


def test_one_kept_in_an_older_way_fits_and_is_to_be_kept_again() -> None:
    older = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(LETTERS)
    assert passwords.verify(older, LETTERS)
    assert passwords.needs_rehash(older)
    assert not passwords.needs_rehash(passwords.hash_password(LETTERS))


def test_who_has_no_password_waits_as_long() -> None:
    assert not passwords.needs_rehash(passwords.DUMMY_HASH)


def test_a_longer_one_is_another() -> None:
    kept = passwords.hash_password("x" * 200)
    assert passwords.verify(kept, "x" * 200)
    assert not passwords.verify(kept, "x" * 201)


def test_one_that_is_made_may_be_taken_and_fits_only_itself() -> None:
    said = passwords.generate()
    assert passwords.require_strong(said, name="anne") == said
    kept = passwords.hash_password(said)
    assert kept.startswith("$argon2id$")
    assert passwords.verify(kept, said)
    assert not passwords.verify(kept, said.lower() + "x")
    assert not passwords.verify(None, said)
    assert not passwords.verify("not a hash", said)


def test_a_forms_token_belongs_to_one_session_and_does_not_tell_it() -> None:
    one, other = secrets.generate_session(), secrets.generate_session()
    assert secrets.derive_csrf_token(one) != secrets.derive_csrf_token(other)
    assert one not in secrets.derive_csrf_token(one)
    assert secrets.are_equal(secrets.derive_csrf_token(one), secrets.derive_csrf_token(one))
    assert not secrets.are_equal("é", secrets.derive_csrf_token(one))
    assert not secrets.are_equal("", secrets.derive_csrf_token(one))
    assert not secrets.are_equal(
        secrets.derive_csrf_token(one)[:-1], secrets.derive_csrf_token(one)
    )


def test_what_is_shown_is_new_each_time_and_kept_as_a_digest_alone() -> None:
    made = {
        *(secrets.generate_session() for _ in range(9)),
        *(secrets.generate_token() for _ in range(9)),
    }
    assert len(made) == 18
    assert len({secrets.digest(one) for one in made}) == 18
    token = secrets.generate_token()
    assert token.startswith("hyp_")
    assert len(token) >= 4 + 43  # 256 bits
    assert token.encode() not in secrets.digest(token)


def test_a_mark_belongs_to_a_session_and_a_text() -> None:
    marks = {secrets.sign(csrf, text) for csrf in ("a", "b") for text in ("x", "y")}
    assert len(marks) == 4
    assert secrets.sign("a", "x") == secrets.sign("a", "x")


def test_one_that_is_made_is_four_groups_of_four_letters_that_cannot_be_mistaken() -> None:
    for _ in range(20):
        assert re.fullmatch(
            r"([a-km-zA-HJ-NP-Z2-9]{4}-){3}[a-km-zA-HJ-NP-Z2-9]{4}", passwords.generate()
        )


def test_what_is_shown_has_256_bits() -> None:
    assert len(secrets.generate_session()) == 43
    assert len(secrets.generate_token()) == 4 + 43


def test_two_at_once_are_kept_or_compared_and_others_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes 64 MiB."""
    inside, may = threading.Semaphore(0), threading.Event()

    class Hasher:
        def hash(self, word: str) -> str:
            inside.release()
            may.wait(30)
            return word

    monkeypatch.setattr(passwords, "_HASHER", Hasher())
    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(passwords.hash_password, word) for word in "abc"]
        assert inside.acquire(timeout=30)
        assert inside.acquire(timeout=30)
        assert not inside.acquire(blocking=False)
        waits = passwords._HASH_SLOTS.acquire(blocking=False)  # noqa: SLF001  what they wait for
        may.set()
    assert not waits
    assert [one.result() for one in done] == ["a", "b", "c"]

"""What a browser or a program shows to say who it is; only digests are kept."""

import hashlib
import hmac
import secrets

TOKEN_PREFIX = "hyp_"  # noqa: S105  how an API token begins, so that a scanner of leaks knows one
VISIBLE_LENGTH = 10  # letters of a token by which its owner knows it again


def generate_session() -> str:
    return secrets.token_urlsafe(32)


def generate_token() -> str:
    return TOKEN_PREFIX + secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is kept of a secret of 256 bits: no salt and no slowness are needed."""
    return hashlib.sha256(secret.encode()).digest()


def derive_csrf_token(session: str) -> str:
    """The token that a form of this session carries: says nothing of the session's own."""
    return hmac.new(session.encode(), b"csrf", hashlib.sha256).hexdigest()


def sign(csrf: str, text: str) -> str:
    """That a text left in a browser is ours, and was left in this session."""
    return hmac.new(csrf.encode(), text.encode(), hashlib.sha256).hexdigest()


def are_equal(actual: str, expected: str) -> bool:
    """Compared in a time that tells nothing."""
    return hmac.compare_digest(actual.encode(errors="replace"), expected.encode())

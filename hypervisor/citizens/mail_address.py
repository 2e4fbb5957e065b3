"""Addresses of citizens: read once when somebody subscribes, and from then on never read again."""

import smtplib

from email_validator import EmailNotValidError, validate_email

from hypervisor.citizens.errors import SubscriptionError

_LONGEST = 254  # characters
_ROUTES = "%!"  # by which relays pass a mail on to somewhere else: victim%b.fr@relay
_DOTLESS = ("gmail.com", "googlemail.com")  # dots before their @ count for nothing


def normalise(text: str) -> str:
    """The address to which mails go, in ASCII.

    Raises SubscriptionError: it is none, or one that mail servers read in several ways.
    """
    shown = "".join(letter for letter in text if letter.isprintable())[:80]
    refusal = SubscriptionError("this is no e-mail address: {address!r}", shown)
    try:
        checked = validate_email(
            text,
            allow_smtputf8=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            check_deliverability=False,
            globally_deliverable=False,  # a town may have a mail domain of its own
        )
    except (EmailNotValidError, ValueError) as error:
        raise refusal from error
    address = checked.ascii_email or ""
    local, _at, domain = address.rpartition("@")
    if not local or "." not in domain or len(address) > _LONGEST:
        raise refusal
    if any(sign in local for sign in _ROUTES) or not is_read_as_written(address):
        raise refusal
    return f"{local}@{domain.lower()}"


def is_read_as_written(address: str) -> bool:
    """Whether the client of SMTP hands over this address and nothing else."""
    return smtplib.quoteaddr(address) == f"<{address}>"


def name_mailbox(address: str) -> str:
    """Whom a normalised address reaches: the same for all that differ by a tag, or by capitals."""
    local, _at, domain = address.casefold().rpartition("@")
    local = local.partition("+")[0] or local
    if domain in _DOTLESS:
        local, domain = local.replace(".", ""), _DOTLESS[0]
    return f"{local}@{domain}"

"""An XML signature in CAP documents, where a key and a certificate are set."""

from collections.abc import Callable
from pathlib import Path

from hypervisor.publications.model import PublicationError


def load_signer(key: Path | None, certificate: Path | None) -> Callable[[str], str]:
    """What signs a document; without a key it stays as it is.

    Raises PublicationError: one of the files is missing, cannot be read or is not PEM, or the
    optional package `signxml` is not installed.
    """
    if key is None and certificate is None:
        return str
    if key is None or certificate is None:
        raise PublicationError("signing takes a key and its certificate: one of them is not set")
    try:
        key_text, certificate_text = key.read_bytes(), certificate.read_text("ascii")
    except (OSError, ValueError) as error:
        raise PublicationError("the key for signing cannot be read: {error}", error) from error
    try:
        from hypervisor.publications.xml_signature import make_signer  # noqa: PLC0415  optional
    except ImportError as error:
        raise PublicationError(
            "signing needs a package: pip install 'territory-hypervisor[signing]'"
        ) from error
    return make_signer(key_text, certificate_text)

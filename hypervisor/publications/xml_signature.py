"""Enveloped XML signatures (RSA or ECDSA with SHA-256) by the optional package signxml."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree
from signxml import methods
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.signer import XMLSigner

from hypervisor.publications.model import PublicationError

_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


def make_signer(key: bytes, certificate: str) -> Callable[[str], str]:
    """What signs a document with a key in PEM. Raises PublicationError: it is none, or unfit."""
    try:
        loaded = load_pem_private_key(key, password=None)
    except (ValueError, TypeError) as error:
        raise PublicationError("the key for signing is no PEM key without passphrase") from error
    if isinstance(loaded, rsa.RSAPrivateKey):
        method = SignatureMethod.RSA_SHA256
    elif isinstance(loaded, ec.EllipticCurvePrivateKey):
        method = SignatureMethod.ECDSA_SHA256
    else:
        raise PublicationError("the key for signing is neither RSA nor on an elliptic curve")

    def sign(document: str) -> str:
        signer = XMLSigner(
            method=methods.enveloped,
            signature_algorithm=method,
            digest_algorithm=DigestAlgorithm.SHA256,
            c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        )
        root = etree.fromstring(document.encode())
        signed = signer.sign(root, key=key, cert=certificate)
        written: bytes = etree.tostring(signed, encoding="UTF-8")
        return (_DECLARATION + written).decode()

    return sign

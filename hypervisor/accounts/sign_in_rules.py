"""Which claims of the identity provider give which roles where: a small YAML file, and its use."""

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import yaml

from hypervisor.accounts.provider_calls import SignInRefusedError
from hypervisor.base.duties import Role
from sensors._errors import Message, listed
from sensors._foreign import ForeignError, make_excerpt, normalise_name, read_exact_text
from sensors._yaml import Source

Claims = Mapping[str, Any]
_FILE = ("provider", "about", "scopes", "acr", "account", "roles")
_LINE = ("when", "role", "area", "areas from")
_SHOWN = 100  # characters of a claim, in a refusal
_LONGEST = 1_000  # characters of a claim's value
_MOST = 1_000  # values of a claim


@dataclass(frozen=True, kw_only=True)
class RoleLine:
    """A role for persons whose claims all have one of these values; `*` stands for any characters.

    It holds in `area` (a code), in each area whose code the claim `areas_from` has, or, with
    neither, in the whole instance.
    """

    when: Mapping[str, tuple[str, ...]]
    role: Role
    area: str | None = None
    areas_from: str = ""


@dataclass(frozen=True, kw_only=True)
class SignInRules:
    """The file. `account`: the claim that names accounts; `acr`: levels, one of which it takes."""

    provider: str
    about: str = ""
    scopes: tuple[str, ...] = ("profile", "email")
    acr: tuple[str, ...] = ()
    account: str = "email"
    roles: tuple[RoleLine, ...]


def read_rules(text: str, *, file: str, areas: Collection[str] = ()) -> SignInRules:
    """The rules of a file; `areas`: the codes that it may name (none: any).

    Raises TerritoryError: says where, and what was expected.
    """
    source = Source(file)
    node = source.compose(text)
    parts = source.mapping(node, "a file of sign-in rules", _FILE, ("provider", "roles"))
    lines = source.sequence(parts["roles"], "the roles")
    if not lines:
        source.fail(parts["roles"], "`roles` is empty: no account could sign in")
    about = source.text(parts["about"], "an address") if "about" in parts else ""
    if about and urlsplit(about).scheme != "https":
        source.fail(parts["about"], "{address!r}: expected an address with https://", about)
    optional: dict[str, Any] = {
        key: source.texts(parts[key], key) for key in ("scopes", "acr") if key in parts
    }
    if "account" in parts:
        optional["account"] = source.text(parts["account"], "a claim")
    return SignInRules(
        provider=source.text(parts["provider"], "the provider's name"),
        about=about,
        roles=tuple(_read_line(source, line, areas) for line in lines),
        **optional,
    )


def _read_line(source: Source, node: yaml.Node, areas: Collection[str]) -> RoleLine:
    parts = source.mapping(node, "a line of `roles`", _LINE, ("when", "role"))
    conditions = source.mapping(parts["when"], "`when`, claims and their values")
    if not conditions:
        source.fail(parts["when"], "`when` is empty: everybody would get this role")
    if "area" in parts and "areas from" in parts:
        source.fail(parts["areas from"], "expected `area` or `areas from`, not both")
    area = None
    if "area" in parts:
        what = "the code of an area of this instance"
        area = (
            source.choice(parts["area"], what, areas) if areas else source.text(parts["area"], what)
        )
    claim = parts.get("areas from")
    return RoleLine(
        when={name: source.texts(value, name) for name, value in conditions.items()},
        role=Role(source.choice(parts["role"], "a role", Role)),
        area=area,
        areas_from="" if claim is None else source.text(claim, "a claim"),
    )


def find_roles(
    rules: SignInRules, claims: Claims, areas: Collection[str]
) -> list[tuple[Role, str | None]]:
    """The roles that the claims give, each in an area (None: the whole instance)."""
    roles: list[tuple[Role, str | None]] = []
    for line in rules.roles:
        if all(_matches(list_values(claims, name), line.when[name]) for name in line.when):
            places: Sequence[str | None] = (line.area,)
            if line.areas_from:
                named = list_values(claims, line.areas_from)
                places = [code for code in named if code in areas]
            roles += [(line.role, place) for place in places]
    return list(dict.fromkeys(roles))


def _matches(values: Collection[str], patterns: Collection[str]) -> bool:
    return any(matches(value, pattern) for pattern in patterns for value in values)


def matches(value: str, pattern: str) -> bool:
    """Whether a text is a pattern's, whose `*` stands for any characters; in linear time."""
    first, *between = unicodedata.normalize("NFC", pattern).split("*")
    if not between:
        return value == first
    last = between.pop()
    place, end = len(first), len(value) - len(last)
    if place > end or not (value.startswith(first) and value.endswith(last)):
        return False
    for piece in between:  # each where it comes first: that leaves the most to the others
        place = value.find(piece, place, end) + len(piece)
        if place < len(piece):
            return False
    return True


def list_values(claims: Claims, name: str) -> list[str]:
    """The values of a claim as texts; `realm_access.roles` is also `roles` within `realm_access`.

    An email does not count where `email_verified` is there and not true: the person only typed it.
    Raises SignInRefusedError: a value cannot be used.
    """
    value: Any = claims
    for part in [name] if name in claims else name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    verified = claims.get("email_verified", True)
    if name == "email" and verified is not True and verified != "true":
        value = None
    values = value if isinstance(value, list) else [value]
    if len(values) > _MOST:
        raise SignInRefusedError(
            "the claim {code} has {count} values; at most {largest} fit",
            name,
            len(values),
            _MOST,
        )
    texts = [str(each).lower() if isinstance(each, bool) else each for each in values]
    return [
        _read_value(name, str(each)) for each in texts if isinstance(each, str | int) and each != ""
    ]


def _read_value(name: str, value: str) -> str:
    try:
        return read_exact_text(value, longest=_LONGEST)
    except ForeignError as error:
        raise SignInRefusedError(
            "the claim {code} cannot be used: {problem}", name, error
        ) from error


def find_name(rules: SignInRules, claims: Claims) -> str:
    """The name of the account; empty: the claim is missing."""
    return next(iter(list_values(claims, rules.account)), "")


def build_title(claims: Claims) -> str:
    """The name that people read; empty: no claim says it. ProConnect calls the last usual_name."""
    for names in (("given_name", "usual_name"), ("name",), ("given_name", "family_name")):
        words = [next(iter(list_values(claims, name)), "") for name in names]
        if all(words):
            return normalise_name(" ".join(words))[:200]
    return ""


def describe_claims(rules: SignInRules, claims: Claims) -> Message:
    """The claims that could give a role, for a person who gets none."""
    names = dict.fromkeys(
        name
        for line in rules.roles
        for name in (*line.when, *([line.areas_from] if line.areas_from else []))
    )
    return listed([_describe(name, list_values(claims, name)) for name in names])


def _describe(claim: str, values: Sequence[str]) -> Message:
    if not values:
        return Message("{code} is missing", claim)
    return Message("{code} is {value!r}", claim, make_excerpt(", ".join(values), _SHOWN))

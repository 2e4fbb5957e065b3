"""The bodies about accounts, sessions and tokens."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from hypervisor.web.schemas import Body, old_key
from hypervisor.web.times import Instant

Scope = Literal[
    "send",
    "field",
    "read",
    "personal",
    "operate",
    "command",
    "countersign",
    "rules",
    "administer",
]
RoleWord = Literal[
    "source",
    "agent",
    "viewer",
    "personal",
    "operator",
    "controller",
    "author",
    "administrator",
]
Language = Literal["fr", "en"]
Name = Annotated[str, Field(min_length=1, max_length=100, examples=["a.martin"])]
Password = Annotated[str, Field(min_length=1, max_length=200)]
_Reason = Annotated[str, Field(max_length=1_000)]


class _RequestBody(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LoginPost(_RequestBody):
    """Who wants in."""

    name: Annotated[str, Field(max_length=200)]
    password: Annotated[str, Field(max_length=1_000)]
    code: Annotated[str, Field(max_length=100)] = Field(
        default="", description="Of the second factor, or a recovery code, where there is one."
    )


class ConfirmPost(_RequestBody):
    """A proof of who one is: the code where the account has a second factor, else the password."""

    password: Annotated[str, Field(max_length=1_000)] = ""
    code: Annotated[str, Field(max_length=100)] = ""


class RoleBody(BaseModel):
    """What an account is, and where."""

    model_config = ConfigDict(extra="forbid", frozen=True, from_attributes=True)

    role: RoleWord
    area: Annotated[str, Field(max_length=20)] | None = Field(
        default=None, description="Code of a département, EPCI or commune; null: everywhere."
    )
    area_name: str | None = None


class MeBody(Body):
    """Who asks."""

    name: str
    title: str
    language: Language | None
    roles: list[RoleBody]
    scopes: list[Scope] = Field(description="Of the token; of a session, all.")
    duties: list[Scope] = Field(description="What they may do somewhere.")
    csrf: str = Field(description="Goes back in X-CSRF-Token with each write; empty for a token.")


class PasswordPut(_RequestBody):
    """Another password of one's own."""

    old: Annotated[str, Field(max_length=1_000)]
    new: Password


class TokenPost(_RequestBody):
    """A token that a program will show."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=4)] = ["read"]
    ends_at: Instant = Field(description="Within two years.")


class TokenBody(BaseModel):
    """A token; its secret is shown when it is made, and never again."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    prefix: str = Field(description="Its first letters.", examples=["hyp_3fGh2k"])
    scopes: list[Scope]
    created_at: datetime
    ends_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    shown = old_key("prefix", str)
    made_at = old_key("created_at", datetime)


class TokensBody(Body):
    """One's tokens, the latest first."""

    tokens: list[TokenBody]


class TokenMadeBody(Body):
    """A new token."""

    token: TokenBody
    secret: str = Field(description="Keep it: it is shown this once.")


class AccountBody(BaseModel):
    """An account."""

    name: str
    title: str
    language: Language | None
    roles: list[RoleBody]
    created_at: datetime
    disabled_at: datetime | None
    signed_in_at: datetime | None
    signs_in: bool = Field(description="It has a password, or signs in with the provider.")
    by_provider: bool = Field(
        description="It signs in with the identity provider, whose claims its roles follow."
    )
    made_at = old_key("created_at", datetime)


class AccountsBody(Body):
    """The accounts that one administers."""

    accounts: list[AccountBody]


class AccountDetailBody(Body):
    """One account."""

    account: AccountBody


class AccountPost(_RequestBody):
    """A new account."""

    name: Name
    title: Annotated[str, Field(max_length=200)] = ""
    password: Password | None = Field(default=None, description="None: it serves tokens only.")
    language: Language | None = None
    roles: Annotated[list[RoleBody], Field(min_length=1, max_length=50)]
    reason: _Reason = ""


class AccountPatch(_RequestBody):
    """What changes of an account; what is not sent stays."""

    title: Annotated[str, Field(max_length=200)] | None = None
    language: Language | None = None
    password: Password | None = None
    roles: Annotated[list[RoleBody], Field(max_length=50)] | None = None
    disabled: bool | None = None
    reason: _Reason = ""


class AuditBody(BaseModel):
    """Who did what, when and why."""

    model_config = ConfigDict(from_attributes=True)

    id: int = Field(examples=[12])
    at: datetime = Field(description="By the wall's clock.")
    scenario_at: datetime | None = Field(description="By the scenario's, in an exercise.")
    author: str = Field(examples=["a.martin"])
    kind: str = Field(examples=["invalidate"])
    subject: str = Field(examples=["yvette-gif/level"])
    reason: str = Field(examples=["ice at the probe"])
    details: dict[str, Any]
    undone_by: int | None = Field(
        default=None, description="The act that took it back, where one did."
    )


class AuditsBody(Body):
    """A page of the audit, the latest first."""

    acts: list[AuditBody]
    next: str | None = Field(default=None, description="The address of the next page.")


class AuditDetailBody(Body):
    """One act."""

    act: AuditBody

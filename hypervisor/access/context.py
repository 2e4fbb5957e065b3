"""What the endpoints stand on: who asks, the store as they may see it, catalogue, clock, mode."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from hypervisor.access import queries_places, queries_sessions
from hypervisor.access.errors import (
    FieldOnlyError,
    ForbiddenError,
    UnauthenticatedError,
    UnconfirmedError,
)
from hypervisor.access.identity import (
    Caller,
    CsrfToken,
    digest_credential,
    identify,
)
from hypervisor.access.looks import mark_looker
from hypervisor.access.turns import RequestSlot, get_limiter
from hypervisor.base.duties import WORDS, Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.base.instance import Banner, Instance, Mode
from hypervisor.base.person import PUBLIC, Person, Territory
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection
from hypervisor.database.instance import watermark
from hypervisor.database.pool import Pool
from hypervisor.database.tenancy import sees_everything
from sensors._domain import Catalogue
from sensors._errors import Message
from sensors._nearest import nearest_hint

NOBODY = 0  # the account's number of a request without an account
CONFIRMED_FOR = timedelta(minutes=10)  # what widens rights follows a proof within this time
_Row = TypeVar("_Row")


@dataclass(frozen=True, kw_only=True)
class RequestContext:
    """One request's view.

    `connection` reads what lies in the person's territory, and nothing else. `clock` is the wall's.
    `csrf`: what a form of theirs carries in the field `csrf`. `caller`: also how they have proved
    who they are. `_granted`: the duties that this
    request required and the person has; without one nothing is written.
    """

    connection: Connection
    person: Person
    catalogue: Catalogue
    instance: Instance
    clock: Callable[[], datetime]
    csrf: str
    pool: Pool
    caller: Caller | None = None
    _granted: set[Duty] = field(default_factory=set, init=False, repr=False)

    @property
    def mode(self) -> Banner:
        return "EXERCICE" if self.instance.mode is Mode.EXERCISE else "LIVE"

    def now(self) -> datetime:
        """Now; in an exercise, where its scenario stands. It stands still within a request."""
        return self._now

    @cached_property
    def sees_everything(self) -> bool:
        """Whether nothing is hidden from them: what was made of everything may be shown."""
        return sees_everything(self.connection)

    @cached_property
    def _now(self) -> datetime:
        if self.instance.mode is Mode.LIVE:
            return self.clock()
        return watermark(self.connection) or self.clock()

    def require(
        self,
        duty: Duty,
        *,
        site: str | None = None,
        subject: str | None = None,
        alarm: int | None = None,
        area: str | None = None,
    ) -> None:
        """Refuse unless the person has this duty there; nothing named: in the whole instance.

        `subject` as alarms and thresholds name it: a site, `device/<name>` or `group/<name>`.

        Raises:
            NotFoundError: they see no such thing.
            ForbiddenError: they see it, and may not do this.
        """
        self._require_scope(duty)
        held = self.person.territory(duty)
        subject = subject if site is None else site
        if not self._reaches(held, subject=subject, alarm=alarm, area=area):
            nowhere = subject is None and alarm is None and area is None
            raise ForbiddenError(
                "{code} may not {words}: this takes the role for the whole instance"
                if nowhere
                else "{code} may not {words}",
                self.person.name,
                WORDS[duty],
            )
        self._granted.add(duty)

    def may(
        self,
        *duties: Duty,
        site: str | None = None,
        subject: str | None = None,
        area: str | None = None,
    ) -> bool:
        """Whether they have one of these duties there: what a page asks of a button.

        Places as in `require`; False where they see no such place. Nothing may be written for it.
        """
        subject = subject if site is None else site
        try:
            return any(
                self._reaches(self.person.territory(duty), subject=subject, area=area)
                for duty in duties
                if self.person.may(duty)
            )
        except NotFoundError:
            return False

    def _reaches(
        self,
        held: Territory,
        *,
        subject: str | None = None,
        alarm: int | None = None,
        area: str | None = None,
    ) -> bool:
        """Whether a territory holds the place; nothing named: the whole instance.

        Raises:
            NotFoundError: they see no such thing.
        """
        if area is not None:
            return held.covers(
                _require_found(
                    queries_places.find_area(self.connection, area), Message("area {area!r}", area)
                )
            )
        if alarm is not None:
            (commune,) = _require_found(
                queries_places.find_alarm_commune(self.connection, alarm),
                Message("alarm {number}", alarm),
            )
            return held.holds(commune)
        if subject is not None:
            place = queries_places.find_subject_commune(self.connection, subject)
            near = Message("") if place is not None else self._near(subject)
            (commune,) = _require_found(place, Message("{subject!r}{hint}", subject, near))
            return held.holds(commune)
        return held.whole

    def require_anywhere(self, duty: Duty) -> Territory:
        """Where the person has this duty, for an act that checks its own reach against it.

        Raises:
            ForbiddenError: they have it nowhere.
        """
        self._require_scope(duty)
        held = self.person.territory(duty)
        if held.empty:
            raise ForbiddenError("{code} may not {words}", self.person.name, WORDS[duty])
        self._granted.add(duty)
        return held

    def _require_scope(self, duty: Duty) -> None:
        if duty not in self.person.scopes:
            raise ForbiddenError("this token does not have the scope {duty!r}", duty.value)

    def _near(self, name: str) -> Message:
        """The site that was meant, among those that the person sees."""
        site_names = queries_places.list_site_names(self.connection)
        return nearest_hint(name, site_names)

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction of the owner, who sees everything: only after a duty was required.

        Raises:
            ForbiddenError: this request required none beyond reading.
        """
        if not self._granted - {Duty.READ}:
            raise ForbiddenError("{code} may not write this", self.person.name)
        return self.pool.writing()

    @contextmanager
    def writing_own_account(self, *, token: int | None = None) -> Iterator[Connection]:
        """The same for a person's own password, tokens and sessions: that takes no duty.

        `token`: the API token that is written; a program may write the one that it shows.

        Raises:
            ForbiddenError: a token asks; it must neither outlive nor undo what a person did.
            UnauthenticatedError: the session was ended since the request came.
        """
        if token is None or token != self.person.token:
            self.require_session()
        with self.pool.writing() as connection:
            if not queries_sessions.lock_credential(connection, self.person):
                raise UnauthenticatedError("the session is over: sign in again")
            yield connection

    def require_session(self) -> None:
        """Refuse a program: a token does not give access to passwords or further tokens.

        Raises:
            ForbiddenError: a token asks.
        """
        if self.person.session is None:
            raise ForbiddenError("a token may not do this: sign in")

    def require_confirmed(self, *, enrolling: bool = False) -> None:
        """Refuse what widens rights unless somebody signed in has lately proved who they are.

        `enrolling`: they add the second factor that a role of theirs asks for.

        Raises:
            ForbiddenError: a token asks, or a second factor is required and was not shown.
            UnconfirmedError: the proof is missing or too old.
        """
        self.require_session()
        shown = self.caller
        if shown is not None and shown.lacks_factor and not enrolling:
            raise ForbiddenError(
                "this changes what somebody may do, and your role asks for a second factor first:"
                " add one under “My account”, or sign in again"
            )
        at = None if shown is None else shown.confirmed_at
        if at is None or at <= self.clock() - CONFIRMED_FOR:
            raise UnconfirmedError(
                "this changes what somebody may do: confirm that it is you, then do it again"
            )

    def owning(self) -> AbstractContextManager[Connection]:
        """A connection that reads as the owner: what goes out of it is the caller's to narrow."""
        return self.pool.owning()


def request_context(
    request: Request, _turn: RequestSlot, csrf_token: CsrfToken
) -> Iterator[RequestContext]:
    """A connection for this request that sees what its account may see.

    Raises:
        UnauthenticatedError: nobody is signed in.
    """

    def identify_caller(connection: Connection, instance: Instance) -> Caller:
        asker = identify(request, connection, instance, csrf_token)
        if not asker.person.may(Duty.READ):
            if asker.person.token is not None:
                raise ForbiddenError("this token does not have the scope {duty!r}", Duty.READ.value)
            if asker.person.may(Duty.FIELD):
                raise FieldOnlyError(
                    "{code} works in the field, and sees the orders of their teams: /field",
                    asker.person.name,
                )
            raise ForbiddenError(
                "{code} has no role yet: ask an administrator for one", asker.person.name
            )
        get_limiter(request).know(digest_credential(request), asker.person.account)
        return asker

    yield from open_context(request, identify_caller, lambda person: person.territory())


Context = Annotated[RequestContext, Depends(request_context)]


def confirmed_context(context: Context) -> RequestContext:
    """The context of an act that widens what somebody may do: every such route declares it.

    Raises:
        ForbiddenError: a token asks.
        UnconfirmedError: the person must first confirm that it is them.
    """
    context.require_confirmed()
    return context


def source_context(request: Request, _turn: RequestSlot) -> Iterator[RequestContext]:
    """The context of a program that sends alarms: it sees nothing.

    Raises:
        UnauthenticatedError: no token, or none that is valid.
        ForbiddenError: it may not send alarms.
    """
    yield from _open_blind_context(request, Duty.SEND, "")


def field_context(
    request: Request, _turn: RequestSlot, csrf_token: CsrfToken
) -> Iterator[RequestContext]:
    """The context of an agent in the field, which sees nothing: orders are read by account.

    Raises:
        UnauthenticatedError: nobody is signed in.
        ForbiddenError: they are no agent.
    """
    yield from _open_blind_context(request, Duty.FIELD, csrf_token)


def _open_blind_context(request: Request, duty: Duty, csrf_token: str) -> Iterator[RequestContext]:
    def identify_caller(connection: Connection, instance: Instance) -> Caller:
        asker = identify(request, connection, instance, csrf_token)
        if not asker.person.may(duty):
            raise ForbiddenError("{code} may not {words}", asker.person.name, WORDS[duty])
        get_limiter(request).know(digest_credential(request), asker.person.account)
        return asker

    yield from open_context(request, identify_caller, lambda _: Territory())


def public_context(request: Request) -> Iterator[RequestContext]:
    """A connection for a request without an account: it sees what is marked as public.

    All of them share one account's part of the connections, so that they keep no operator out.
    """
    anybody = Caller(person=Person(account=NOBODY, name="", title="", scopes=frozenset()))
    get_limiter(request).know(digest_credential(request), NOBODY)
    yield from open_context(request, lambda *_: anybody, lambda _: PUBLIC)


def open_context(
    request: Request,
    identify_caller: Callable[[Connection, Instance], Caller],
    find_territory: Callable[[Person], Territory],
) -> Iterator[RequestContext]:
    """A connection that sees the territory of whoever `identify_caller` says asks."""
    state = request.app.state
    pool: Pool = state.pool
    callers: list[tuple[Caller, Instance]] = []

    def who(connection: Connection) -> Territory:
        instance = get_instance(request, connection)
        caller = identify_caller(connection, instance)
        callers.append((caller, instance))
        mark_looker(request.state, connection, caller.person, request.url.path)
        return find_territory(caller.person)

    with pool.seeing(who) as connection:
        caller, instance = callers[0]
        request.state.access = made = RequestContext(
            connection=connection,
            person=caller.person,
            catalogue=state.catalogue,
            instance=instance,
            clock=state.clock,
            csrf=caller.csrf,
            pool=pool,
            caller=caller,
        )
        yield made


def identify_person(request: Request, csrf_token: CsrfToken) -> Person:
    """Who asks, without a connection held: for what lasts, such as a stream of events."""
    pool: Pool = request.app.state.pool
    with pool.owning() as connection:
        return identify(request, connection, get_instance(request, connection), csrf_token).person


def _require_found(row: _Row | None, what: str) -> _Row:
    if row is None:
        raise NotFoundError("there is no {what}", what)
    return row


def get_instance(request: Request, connection: Connection) -> Instance:
    """Read once: an instance never changes its mode."""
    instance: Instance | None = getattr(request.app.state, "instance", None)
    if instance is None:
        instance = instance_store.require(connection)
        request.app.state.instance = instance
        request.app.state.banner = instance.mode.banner
    return instance


ConfirmedContext = Annotated[RequestContext, Depends(confirmed_context)]
FieldContext = Annotated[RequestContext, Depends(field_context)]
SignedIn = Annotated[Person, Depends(identify_person)]

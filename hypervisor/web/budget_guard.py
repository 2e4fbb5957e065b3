"""Where requests of caller-chosen cost wait for their turn, hold nothing meanwhile, and end."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import iter_route_contexts
from starlette.concurrency import run_in_threadpool
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hypervisor.access.context import NOBODY, get_instance
from hypervisor.access.errors import TooManyAttemptsError
from hypervisor.access.identity import digest_credential, find_account, get_address
from hypervisor.access.limiter import RequestLimiter
from hypervisor.access.throttle import network
from hypervisor.access.turns import get_limiter
from hypervisor.database.connect import StoreError
from hypervisor.web.access_errors import RETRY
from hypervisor.web.budget import Budget, OverspentError, find_budget
from hypervisor.web.problems import answer
from hypervisor.web.workers import Workers

AT_ONCE = 3  # requests at work: two accounts that ask without end leave a third its turn
_OF_ONE = 1  # of an account, or of all that is public
_WAITING = 6  # of an account; a browser's page brings several
_IN_LINE = 48  # of all
_PATIENCE = 60.0  # s that a request waits for its turn
_MATCHED = "hypervisor.costly_route"  # of a scope


class BudgetGuard:
    """Around the application: gives a costly request its turn, and ends it with its client."""

    def __init__(self, app: ASGIApp) -> None:
        """Serve what `app` serves; by processes where its state has `workers`."""
        self._app = app
        self._turns = RequestLimiter(
            AT_ONCE, share=_OF_ONE, waiting=_WAITING, in_line=_IN_LINE, patience=_PATIENCE
        )
        self._public = RequestLimiter(1, share=1, waiting=2, in_line=_IN_LINE, patience=_PATIENCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        budget = self._find(scope)
        if budget is None:
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            return  # the client went away
        answer_to_client = _Answer(send)
        work = asyncio.create_task(self._serve(scope, body, answer_to_client, budget))
        gone = asyncio.create_task(_wait_until_gone(receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            # A server also says "disconnected" when the answer is complete: the request then
            # still closes its files.
            if not work.done() and not answer_to_client.is_complete:
                work.cancel()
            with suppress(asyncio.CancelledError):
                await work
        finally:
            work.cancel()
            gone.cancel()

    def _find(self, scope: Scope) -> Budget | None:
        """The budget that a request needs, with its route noted for who counts requests."""
        if scope["type"] != "http" or getattr(scope["app"].state, "is_worker", False):
            return None
        match = find_costly_route(scope)
        if match is None or match.budget.is_small(Request(scope)):
            return None
        scope.update({"route": match.route, "path_params": match.path})
        return match.budget

    async def _serve(self, scope: Scope, body: bytes, send: Send, budget: Budget) -> None:
        request = Request(scope)
        try:
            account = await _find_account(request)
            if account == NOBODY and not budget.public:
                await self._app(scope, _replay(body), send)  # which refuses it at once
                return
            async with AsyncExitStack() as turns:
                if account == NOBODY:
                    where = network(get_address(request))
                    await turns.enter_async_context(self._public.take(where))
                await turns.enter_async_context(self._turns.take(account))
                await self._work(scope, body, send, budget)
        except TooManyAttemptsError as error:
            await _refuse(request, send, HTTPStatus.TOO_MANY_REQUESTS, str(error), error.seconds)
        except StoreError as error:
            await _refuse(request, send, HTTPStatus.SERVICE_UNAVAILABLE, str(error), RETRY)
        except OverspentError as error:
            await _refuse(request, send, HTTPStatus.UNPROCESSABLE_ENTITY, str(error), 0)

    async def _work(self, scope: Scope, body: bytes, send: Send, budget: Budget) -> None:
        workers: Workers | None = getattr(scope["app"].state, "workers", None)
        if workers is None:
            await self._app(scope, _replay(body), send)
        else:
            await workers.answer(scope, body, send, budget)


class _Answer:
    """Sends an answer on, and knows whether it is complete."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.is_complete = False

    async def __call__(self, message: Message) -> None:
        last = message["type"] == "http.response.body" and not message.get("more_body")
        self.is_complete = self.is_complete or last
        await self._send(message)


@dataclass(frozen=True, kw_only=True)
class CostlyRoute:
    """A route that declares what it costs. `path`: the parameters of the request's."""

    route: Any
    budget: Budget
    path: Mapping[str, Any]


def find_costly_route(scope: Scope) -> CostlyRoute | None:
    """The route of a request, matched once; None: every request costs it the same."""
    if _MATCHED not in scope:
        scope[_MATCHED] = _match_costly_route(scope)
    route: CostlyRoute | None = scope[_MATCHED]
    return route


def _match_costly_route(scope: Scope) -> CostlyRoute | None:
    state = scope["app"].state
    if not hasattr(state, "costly_routes"):
        state.costly_routes = list_budgets(scope["app"])
    for route, budget in state.costly_routes:
        match, child = route.matches({**scope, "method": _method(scope)})
        if match is Match.FULL:
            return CostlyRoute(route=route, budget=budget, path=child.get("path_params", {}))
    return None


def list_budgets(app: FastAPI) -> list[tuple[Any, Budget]]:
    """The routes that declare what they cost."""
    listed = [(each, find_budget(each.endpoint)) for each in iter_route_contexts(app.routes)]
    return [(each, budget) for each, budget in listed if budget is not None]


async def _find_account(request: Request) -> int:
    """The account of who asks; NOBODY without a valid session or token."""
    limiter, shown = get_limiter(request), digest_credential(request)
    account = limiter.find(shown)
    if account is not None:
        return account

    def look() -> int | None:
        with request.app.state.pool.owning() as connection:
            return find_account(request, connection, get_instance(request, connection))

    async with limiter.take(shown):
        account = await run_in_threadpool(look)
    if account is None:
        return NOBODY
    limiter.know(digest_credential(request), account)  # which may have needed the instance
    return account


def _method(scope: Scope) -> str:
    return "GET" if scope["method"] == "HEAD" else str(scope["method"])


async def _read(receive: Receive) -> bytes | None:
    """The whole body, which the guard of all requests has bounded; None: the client went away."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _replay(body: bytes) -> Receive:
    sent = False

    async def again() -> Message:
        nonlocal sent
        if sent:
            await asyncio.Event().wait()  # the guard ends it when the client goes
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def _refuse(
    request: Request, send: Send, status: HTTPStatus, problem: str, seconds: float
) -> None:
    response = answer(request, status, problem)
    if seconds:
        response.headers["Retry-After"] = str(max(1, round(seconds)))
    await response(request.scope, request.receive, send)

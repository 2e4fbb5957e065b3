"""A signed-in client cannot keep the others from being answered."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from threading import Event

import httpx
import pytest

from hypervisor.access import service as access_service
from hypervisor.access.errors import UnauthenticatedError
from hypervisor.app import api_events
from hypervisor.database.connect import connect
from hypervisor.database.pool import READERS
from hypervisor.web.hub import Hub
from tests.integration.evaluation.world import World
from tests.integration.web.conftest import ClientOf
from tests.integration.web.served import signed_in

pytestmark = pytest.mark.integration


def test_who_asks_for_much_leaves_room_for_the_others(
    base: str, world: World, client_of: ClientOf
) -> None:
    """Even with several sessions, whose questions all wait for a lock."""
    operator = client_of("operator")
    viewers = [signed_in(base, world.url, "vera", (("viewer", None),)) for _ in range(3)]
    for viewer in viewers:
        viewer.get("/api/v1/auth/me").raise_for_status()
    with closing(connect(world.url)) as holding, ThreadPoolExecutor(12) as beside:
        holding.execute("LOCK TABLE dead_letter IN ACCESS EXCLUSIVE MODE")
        late = [
            beside.submit(viewer.get, "/api/v1/dead-letters") for viewer in viewers for _ in "1234"
        ]
        waiting = (
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'dead_letter'::regclass"
        )
        with closing(connect(world.url, autocommit=True)) as watching:
            while (watching.execute(waiting).fetchone() or (0,))[0] < READERS * 3 // 8:
                assert not any(future.done() for future in late)
        for _ in range(3):
            assert operator.get("/api/v1/auth/me").status_code == 200
        holding.rollback()
        assert {future.result().status_code for future in late} == {200}
    for viewer in viewers:
        viewer.close()


def test_who_listens_with_too_many_streams_leaves_room_for_the_others(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_events, "_OF_ONE", 2)
    viewer, operator = client_of("viewer"), client_of("operator")
    with ExitStack() as stack:
        heard = [
            stack.enter_context(viewer.stream("GET", "/api/v1/events")).iter_lines()
            for _ in range(2)
        ]
        for lines in heard:
            while not next(lines).startswith("id: "):
                pass
        assert viewer.get("/api/v1/events?seconds=0.1").status_code == 503
        assert operator.get("/api/v1/events?seconds=0.1").status_code == 200


def test_streams_that_were_let_in_at_once_are_counted_when_they_join(
    client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 150 at once 104 came in, where 50 may."""
    viewer = client_of("viewer")
    open_ones = iter((0, 50))  # when it is let in, and when it joins
    monkeypatch.setattr(Hub, "listens", lambda _hub, _account: next(open_ones))
    answer = viewer.get("/api/v1/events?seconds=0.1")
    assert (answer.status_code, answer.text) == (
        200,
        "retry: 2000\n: too many open streams\n\n",
    )


def test_passwords_that_wait_to_be_checked_hold_no_thread(
    base: str, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty sign-ins at once kept everybody waiting for ten seconds, with an account or without."""
    operator = client_of("operator")
    checked, most, ends = Counter[str](), [], Event()

    def sign_in(*_: object, **__: object) -> str:
        checked["now"] += 1
        most.append(checked["now"])
        ends.wait(60)
        checked["now"] -= 1
        raise UnauthenticatedError("the name or the password is wrong")

    monkeypatch.setattr(access_service, "sign_in", sign_in)
    said = {"name": "vera", "password": "wrong"}
    with ThreadPoolExecutor(45) as beside:  # more than the web has threads
        late = [
            beside.submit(httpx.post, f"{base}/login", data=said, timeout=120) for _ in range(45)
        ]
        while not most:
            assert not any(future.done() for future in late)
        for _ in range(3):
            assert operator.get("/api/v1/auth/me", timeout=30).status_code == 200
        ends.set()
        assert {future.result().status_code for future in late} <= {401, 503}  # waited too long
    assert max(most) == 1

"""A broker that left for want of disk is our own alarm, by the usual routes; it ends by itself."""

from datetime import UTC, datetime, timedelta

import pytest

from hypervisor.broker.errors import StackError
from hypervisor.notifications.brokers import BrokerWatch
from tests.integration.notifications.servers import Webhook
from tests.integration.notifications.town import Town

pytestmark = pytest.mark.integration


def test_who_is_on_call_hears_which_broker_left_and_that_it_is_back(
    town: Town, hook: Webhook
) -> None:
    town.routes(
        f"routes:\n- {{name: duty, channels: [{{webhook: '{hook.url}'}}]}}"
        f"\n- {{name: mayor, when: {{areas: ['91021']}}, channels: [{{webhook: '{hook.url}'}}]}}"
    )
    answers: list[int | None] = []

    def find_aside() -> int | None:
        if not answers:
            raise StackError("no majority of etcd answers")
        return answers[-1]

    first, second = (BrokerWatch(find_aside=find_aside, say=town.said.append) for _ in range(2))
    wall = datetime.now(UTC)

    def look(*aside: int | None) -> list[int]:
        nonlocal wall
        answers[:] = aside
        wall += timedelta(seconds=5)
        put = [each.look(town.connection, wall=wall) for each in (first, second)]
        town.connection.commit()
        return put

    assert look() == [0, 0], "whoever cannot know says nothing"
    assert look(None) == [0, 0]
    assert look(3) == [1, 0], "of two notifiers one tells"
    assert look(3) == [0, 0]
    assert look() == [0, 0]
    town.settle()
    assert look(2) == [1, 0], "the third came back, and the second left, between two looks"
    town.settle()
    assert look(None) == [1, 0]
    town.settle()
    bodies = [body for _, body in hook.got]
    assert [(body["event"], body["machine"]) for body in bodies] == [
        ("broker left", 3),
        ("broker left", 2),
        ("broker back", 2),
    ]


def test_a_broker_that_is_back_is_not_notified_late(town: Town, hook: Webhook) -> None:
    wall = datetime.now(UTC)
    for aside in (3, None):
        watch = BrokerWatch(find_aside=lambda aside=aside: aside, say=town.said.append)  # type: ignore[misc]
        watch.look(town.connection, wall=wall)
    town.connection.commit()
    town.routes(f"routes:\n- {{name: duty, channels: [{{webhook: '{hook.url}'}}]}}")
    town.settle()
    assert [body["event"] for _, body in hook.got] == ["broker back"]

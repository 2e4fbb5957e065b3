"""What an upgrade or an inventory removes ends its alarms, with a reason: none stays for ever."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from hypervisor.registry.changes import Changes
from hypervisor.registry.model import Device, Site
from tests.integration.evaluation import field
from tests.integration.evaluation import world as worlds
from tests.integration.evaluation.world import DAY, Sent, World, us

pytestmark = pytest.mark.integration

RULE = "flood-high"
AT = 17  # minute of the removal; the alarm began at 10


def drop_rule(world: World) -> None:
    """A new version's pack no longer has the rule."""
    world.rules = "- id: flood-rise" + world.rules.partition("- id: flood-rise")[2]
    world.record_rules()


def drop_rule_that_cannot_be_read(world: World) -> None:
    """The new version no longer knows a function that the rule was written with."""
    make_unreadable(world)
    drop_rule(world)


def make_unreadable(world: World) -> None:
    world.connection.execute("SET session_replication_role = replica")  # revisions are append-only
    world.connection.execute(
        "UPDATE revision SET value = jsonb_set(value, '{when}', '\"gone_function(level) > 3 m\"')"
        " WHERE kind = 'rule' AND key = %s AND value <> 'null'",
        [RULE],
    )
    world.connection.execute("SET session_replication_role = origin")
    world.connection.commit()


def withdraw_rule_that_cannot_be_read(world: World) -> None:
    make_unreadable(world)
    world.revise(world.fact("rule", RULE, None, since=us(AT)))


def forget_quantity(world: World) -> None:
    """The new version has neither the quantity nor the rule, as when a domain is removed."""
    kept = {n: q for n, q in worlds.CATALOGUE.quantities.items() if n != "level"}
    world.catalogue = replace(worlds.CATALOGUE, quantities=kept)
    drop_rule(world)


def move_device(world: World) -> None:
    """Its site has no gauge any more."""
    other = Site(name="other", title="Other", domain="flood", lon=2.3, lat=48.6)
    field.write(world, Changes(sites=(other,)))
    field.write(world, Changes(devices=(Device(name="orge", site="other", commissioned=DAY),)))


def retire_device(world: World) -> None:
    gone = Device(name="orge", site="orge", commissioned=DAY, retired=DAY + timedelta(minutes=AT))
    field.write(world, Changes(devices=(gone,)))


def withdraw_threshold(world: World) -> None:
    world.revise(world.fact("threshold", "orge/attention", None, since=us(AT)))


def evaluate_per_device(world: World) -> None:
    world.rules = world.rules.replace(f"- id: {RULE}\n", f"- id: {RULE}\n  per: device\n", 1)
    world.record_rules()


REMOVALS: tuple[Callable[[World], None], ...] = (
    drop_rule,
    drop_rule_that_cannot_be_read,
    withdraw_rule_that_cannot_be_read,
    forget_quantity,
    move_device,
    retire_device,
    withdraw_threshold,
    evaluate_per_device,
)


@pytest.fixture
def raised(world: World) -> World:
    world.register(["orge"])
    world.record_rules()
    world.join()
    for at in (0, 5, 10, 15):
        world.store([Sent(site="orge", at=at, value=3.1)])
        world.beat(at)
        world.step()
    (alarm,) = world.alarms()
    assert alarm.active
    return world


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("remove", REMOVALS, ids=lambda remove: remove.__name__)
def test_a_removal_ends_the_alarm_with_a_reason(
    raised: World, remove: Callable[[World], None], *, restarted: bool
) -> None:
    raised.beat(AT)
    raised.step()
    remove(raised)
    if restarted or remove is forget_quantity:
        raised.restart()
    raised.settle()
    raised.beat(AT + 3)
    raised.settle()

    (alarm,) = raised.alarms(withdrawn=True)
    assert not alarm.active
    assert alarm.episode.reason
    kinds = [each.kind for each in raised.transitions()]
    assert kinds[-1] == "cleared"


def test_what_comes_back_begins_anew(raised: World) -> None:
    """As after an upgrade that is taken back."""
    raised.beat(AT)
    raised.step()
    forget_quantity(raised)
    raised.restart()
    raised.settle()
    raised.beat(AT + 2)
    raised.settle()
    raised.catalogue = worlds.CATALOGUE
    raised.rules = worlds.RULES
    raised.record_rules()
    raised.restart()
    raised.settle()
    for at in (20, 25, 30):
        raised.store([Sent(site="orge", at=at, value=3.2)])
        raised.beat(at)
        raised.step()

    again, before = (each for each in raised.alarms() if each.episode.rule == RULE)
    assert (before.episode.ended, before.episode.reason) == (us(AT), "rule withdrawn")
    assert again.active

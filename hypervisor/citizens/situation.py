"""Reads what is public from the database."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from hypervisor.base.instance import Mode
from hypervisor.base.reader import LANGUAGES, Reader, reading
from hypervisor.base.settings import Settings
from hypervisor.citizens import queries, queries_push
from hypervisor.citizens.model import Situation
from hypervisor.citizens.subscriptions import allows_push, is_offered
from hypervisor.database import instance as instance_store
from hypervisor.database.connect import Connection
from hypervisor.feeds.views_official import Vigilance, read_vigilance
from hypervisor.publications import queries_messages
from hypervisor.publications.queries_messages import Selection
from hypervisor.publications.service import load_publisher


def load_situation(
    connection: Connection, settings: Settings, clock: Callable[[], datetime]
) -> Situation:
    """What is public now. `connection`: the owner's; an exercise shows its exercise messages."""
    instance = instance_store.require(connection)
    read_at = now = clock()
    if instance.mode is Mode.EXERCISE:
        now = instance_store.watermark(connection) or now
    selection = Selection(status="Exercise" if instance.mode is Mode.EXERCISE else "Actual")
    reader = Reader(language=LANGUAGES[0], zone=ZoneInfo(instance.timezone), now=now)
    communes = queries.list_communes(connection)
    publisher = load_publisher(settings, instance)
    stored = queries_push.read_key(connection)
    return Situation(
        instance=instance,
        publisher=publisher.name,
        address=publisher.address,
        checked=now,
        read_at=read_at,
        changed=queries_messages.find_mark(connection, now, selection).changed,
        messages=queries_messages.list_published(connection, now, selection),
        closures=queries.list_closures(connection, now),
        official={
            language: _read_vigilance(connection, replace(reader, language=language))
            for language in LANGUAGES
        },
        communes={each.code: each for each in communes},
        subscriptions=is_offered(settings, instance.mode),
        push_key=stored.public if stored and allows_push(settings, instance.mode) else "",
    )


def _read_vigilance(connection: Connection, reader: Reader) -> Vigilance:
    with reading(reader):
        return read_vigilance(connection, reader.now)

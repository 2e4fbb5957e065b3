"""What a listener may subscribe to over MQTT: the topics of the Datastreams of an account."""

from hypervisor.access import queries as accounts
from hypervisor.base.errors import NotFoundError
from hypervisor.broker.passwords import OBSERVED
from hypervisor.database.connect import Connection
from hypervisor.standards import queries_listeners
from hypervisor.standards.observations import topic_of


def list_topics(connection: Connection, account: str) -> list[str]:
    """All topics where an account sees the whole instance, else each Datastream of its part.

    Raises NotFoundError: the account sees nothing.
    """
    person = accounts.get_person(connection, accounts.get_account(connection, account).id)
    territory = person.territory()
    if territory.whole:
        return [f"{OBSERVED}/#"]
    topics = [topic_of(name) for name in queries_listeners.list_datastreams(connection, territory)]
    if not topics:
        raise NotFoundError("{code} sees no series", account)
    return topics

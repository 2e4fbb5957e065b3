"""What administrators do to planned works, from the API and the console."""

from collections.abc import Callable, Iterable, Mapping

from hypervisor.access.context import RequestContext
from hypervisor.base.duties import Duty
from hypervisor.base.errors import NotFoundError
from hypervisor.base.versions import make_mark, require_current
from hypervisor.registry.apply import Act, apply_steps
from hypervisor.registry.inventory import Inventory
from hypervisor.registry.model import Registry
from hypervisor.registry.revisions import Stamp
from hypervisor.registry.schemas_works import WorksEndPost, WorksPut
from hypervisor.registry.works import Works, announce_works, end_works, list_works, load_works
from hypervisor.web.times import text
from sensors._errors import Message


def load_all(context: RequestContext) -> Mapping[str, Works]:
    """The works at places that the person sees, by name."""
    return {works.name: works for works in load_works(context.connection, context.now())}


def find_visible(context: RequestContext, name: str) -> Works:
    """Works by their name. Raises NotFoundError: none of that name are visible."""
    works = load_all(context).get(name)
    if works is None:
        raise NotFoundError("no works are called {name!r}", name)
    return works


def mark_works(works: Works) -> str:
    """What becomes another with each change of them."""
    return make_mark(
        (text(works.begins), text(works.ends), sorted(works.subjects.items()), works.reason)
    )


def store(context: RequestContext, name: str, post: WorksPut, *, seen: str | None) -> None:
    """Announce works, or change those that the person saw; `seen`: their mark.

    Raises ConflictError, UnseenError: others stand there. ForbiddenError: not at all their places.
    """
    places = {"sites": post.sites, "devices": post.devices, "groups": post.groups}
    _require_places(context, places)
    begins = post.begins or context.now().replace(microsecond=0)
    _write(
        context,
        name,
        post.reason,
        lambda _: announce_works(name, begins, post.ends, places),
        seen=seen,
    )


def close(context: RequestContext, name: str, post: WorksEndPost, *, seen: str | None) -> None:
    """End works that the person saw; those not begun yet are cancelled. Raises as `store`."""
    _require_places(context, find_visible(context, name).subjects)
    at = post.at or context.now().replace(microsecond=0)
    _write(context, name, post.reason, lambda registry: end_works(registry, name, at), seen=seen)


def _require_places(context: RequestContext, places: Mapping[str, Iterable[str]]) -> None:
    """The user must administer every place of the works."""
    for kind, prefix in (("sites", ""), ("devices", "device/"), ("groups", "group/")):
        for name in places.get(kind, ()):
            context.require(Duty.ADMINISTER, subject=f"{prefix}{name}")


def _write(
    context: RequestContext,
    name: str,
    reason: str,
    make_inventory: Callable[[Registry], Inventory],
    *,
    seen: str | None,
) -> None:
    def steps(registry: Registry) -> list[Inventory]:  # while the registry is locked
        current = {works.name: works for works in list_works(registry.revisions, None)}.get(name)
        if current is not None:  # also if only others may see them: their places are not disclosed
            try:
                _require_places(context, current.subjects)
            except NotFoundError as error:
                refused = Message(
                    "works {name!r} are of another territory: choose another name", name
                )
                raise NotFoundError(refused) from error
        mark = None if current is None else mark_works(current)
        require_current(seen, mark, Message("works {name!r}", name))
        return [make_inventory(registry)]

    with context.writing() as connection:
        apply_steps(
            connection,
            steps,
            stamp=Stamp(author=context.person.name, reason=reason, now=context.now()),
            act=Act(kind="works", subject=name),
        )
    context.connection.rollback()  # the next read sees what was written

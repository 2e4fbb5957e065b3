"""Administration of the inventory: its overview, and what its pages share."""

from collections import Counter

from fastapi import Response

from hypervisor.access.context import RequestContext
from hypervisor.accounts import views as frame
from hypervisor.base.duties import Duty
from hypervisor.registry import service_inventory
from hypervisor.registry.forms import FORMS, FormKind
from hypervisor.registry.inventory_files import SUFFIXES, list_examples
from hypervisor.registry.model import KINDS, facts_in_force
from hypervisor.web.rendering import render

SHOWN = 100  # entries of a list, and lines of a difference
_MAPS = ("sites", "zones", "assets")


def may_write(context: RequestContext, form: FormKind) -> bool:
    return not form.instance_wide or context.person.everywhere(Duty.ADMINISTER)


def render_overview(context: RequestContext, *, done: str = "", wrong: str = "") -> Response:
    """How much there is of each kind; files to send and to take."""
    shared = frame.admin_context(context, "inventory", done=done, wrong=wrong)
    registry = service_inventory.load_visible(context)
    facts = Counter(kind for kind, _ in facts_in_force(registry))
    things = {kind.removesuffix("s"): len(getattr(registry, kind)) for kind in KINDS}
    counts = {"link": facts["link"], "plan": facts["plan"], **things}
    return render(
        context,
        "admin_inventory.html",
        status_code=422 if wrong else 200,
        forms=[(form, counts[name], may_write(context, form)) for name, form in FORMS.items()],
        examples=list(list_examples()),
        suffixes=",".join((*SUFFIXES, ".json")),
        maps=_MAPS,
        **shared,
    )

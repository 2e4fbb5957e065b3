"""Forms of the registry, made of the models that its files are read with.

A form shows an entry as a file would write it, and what was changed in it becomes the tree of a
file: so forms know what files know, and refuse what files refuse.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from hypervisor.base import reader
from hypervisor.base.translation import mark, translate
from hypervisor.registry.difference import NEEDS
from hypervisor.registry.export_yaml import Described, describe_registry
from hypervisor.registry.input_devices import DeviceInput
from hypervisor.registry.input_equipment import (
    AssetInput,
    GatewayInput,
    GroupInput,
    PlanInput,
    ZoneInput,
)
from hypervisor.registry.input_fields import Choice, Input, Rows
from hypervisor.registry.input_sites import AreaInput, LinkInput, SiteInput
from hypervisor.registry.model import Registry
from hypervisor.web.forms import FormField, Values
from sensors._domain import Catalogue

_OF_ANY_FACT = (
    "illustrative",
    "effective",
    "reason",
)  # what any fact says of itself; forms have one reason


@dataclass(frozen=True, kw_only=True)
class FormKind:
    """What a form is about. `section`: the list of a file that it stands in.

    `keys`: the fields that name it; `without`: fields that the form leaves out;
    `instance_wide`: only who administers the whole instance changes it.
    """

    name: str
    section: str
    title: str
    plural: str
    model: type[Input]
    keys: tuple[str, ...] = ("name",)
    without: frozenset[str] = frozenset(_OF_ANY_FACT)
    instance_wide: bool = False


FORMS: Mapping[str, FormKind] = {
    form.name: form
    for form in (
        FormKind(
            name="area",
            section="areas",
            title=mark("Commune, EPCI or département"),
            plural=mark("Territory"),
            model=AreaInput,
            keys=("code",),
            instance_wide=True,
        ),
        FormKind(
            name="site",
            section="sites",
            title=mark("Site"),
            plural=mark("Sites"),
            model=SiteInput,
            without=frozenset({"effective", "reason", "devices"}),
        ),
        FormKind(
            name="device",
            section="sites",
            title=mark("Device"),
            plural=mark("Devices"),
            model=DeviceInput,
            without=frozenset({*_OF_ANY_FACT, "group"}),
        ),
        FormKind(
            name="link",
            section="links",
            title=mark("River link"),
            plural=mark("River links"),
            model=LinkInput,
            keys=("from", "to"),
            without=frozenset({"effective", "reason"}),
        ),
        FormKind(
            name="asset",
            section="assets",
            title=mark("Asset"),
            plural=mark("Assets"),
            model=AssetInput,
            without=frozenset({"effective", "reason"}),
        ),
        FormKind(
            name="group",
            section="groups",
            title=mark("Group of devices"),
            plural=mark("Groups of devices"),
            model=GroupInput,
        ),
        FormKind(
            name="plan",
            section="plans",
            title=mark("Lighting plan"),
            plural=mark("Lighting plans"),
            model=PlanInput,
            without=frozenset({"effective", "reason"}),
            instance_wide=True,
        ),
        FormKind(
            name="gateway",
            section="gateways",
            title=mark("Gateway"),
            plural=mark("Gateways"),
            model=GatewayInput,
            instance_wide=True,
        ),
        FormKind(
            name="zone",
            section="zones",
            title=mark("Zone"),
            plural=mark("Zones"),
            model=ZoneInput,
            without=frozenset({"effective", "reason"}),
            instance_wide=True,
        ),
    )
}

# In the order of a form: label, example.
_LABELS: Mapping[str, tuple[str, str]] = {
    "code": (mark("Code (INSEE or SIREN)"), "91228"),
    "from": (mark("From"), ""),
    "to": (mark("To"), ""),
    "name": (mark("Short name, for good"), "orge-arpajon"),
    "title": (mark("Name that people read"), ""),
    "kind": (mark("Kind"), ""),
    "site": (mark("Site"), ""),
    "domain": (mark("Urban function"), ""),
    "model": (mark("Model"), ""),
    "protocol": (mark("Protocol"), ""),
    "commune": (mark("Commune"), "91228"),
    "parent": (mark("Lies in (code)"), "91"),
    "population": (mark("Population"), ""),
    "lon": (mark("Longitude"), "2.2489"),
    "lat": (mark("Latitude"), "48.5891"),
    "geometry": (mark("Shape (GeoJSON)"), ""),
    "river": (mark("River"), "Orge"),
    "river_order": (mark("Rank from the source down"), "2"),
    "travel": (mark("Travel time of the water"), "3 h"),
    "datum.zero": (mark("Height of the gauge zero above sea level"), "48.61 m"),
    "commissioned": (mark("Measures since"), "2024-05-02"),
    "retired": (mark("Retired on"), "2024-10-29"),
    "in_service": (mark("In service"), ""),
    "gateway": (mark("Gateway that publishes for it"), ""),
    "address": (mark("Address at the gateway"), ""),
    "codec": (mark("Codec"), ""),
    "reach.gauge": (mark("Reached by the water of the gauge"), ""),
    "reach.level": (mark("… at its level"), "2.20 m"),
    "supply.plan": (mark("Lit by the plan"), ""),
    "supply.switched": (mark("No current by day"), ""),
    "on": (mark("Lit from"), "sunset + 10 min"),
    "off": (mark("Lit until"), "sunrise - 10 min"),
    "no_relighting": (mark("Months not lit again in the morning"), "5 6 7"),
    "thresholds": (mark("Thresholds"), ""),
    "series": (mark("Measures (by default as the model)"), ""),
    "members": (mark("Members"), ""),
    "spells": (mark("Spells of the night"), ""),
    "properties": (mark("Other properties"), ""),
    "illustrative": (mark("Made up for illustration"), ""),
    "withdrawn": (mark("Withdrawn"), ""),
}
_COLUMNS: Mapping[str, tuple[str, str]] = {
    "value": (mark("Value"), "1.50 m"),
    "quantity": (mark("Quantity"), ""),
    "device": (mark("Device"), ""),
    "interval": (mark("Every"), "15 min"),
    "stale": (mark("Stale after"), "45 min"),
    "low": (mark("Least"), ""),
    "high": (mark("Most"), ""),
    "saturates": (mark("Top of the scale"), ""),
    "from": (mark("From"), "01:00"),
    "to": (mark("To"), "05:00"),
    "level": (mark("Level"), "50 %"),
    "weekdays": (mark("Days"), "mon tue"),
    "months": (mark("Months"), "6 7"),
}
_MEASURED = 3  # quantities of a model that its choice names
_ROW_NAMES = {"thresholds": mark("Threshold"), "properties": mark("Name")}
_SUGGESTS = {
    **dict.fromkeys(("site", "reach.gauge", "from", "to"), "sites"),
    "commune": "communes",
    "parent": "areas",
    "gateway": "gateways",
    "supply.plan": "plans",
    "device": "devices",
}
_WORDS = {
    "departement": mark("Département"),
    "epci": mark("EPCI"),
    "commune": mark("Commune"),
    "cabinet": mark("Cabinet"),
    "other": mark("Other"),
    "road": mark("Road"),
    "school": mark("School"),
    "hospital": mark("Hospital"),
    "pumping": mark("Pumping station"),
}


def list_entries(registry: Registry, catalogue: Catalogue, form: FormKind) -> dict[str, Described]:
    """The entries of a kind by their key, as a file describes them."""
    sections = describe_registry(registry, catalogue)
    entries: Iterable[Described] = sections[form.section]
    if form.name == "device":
        entries = (
            {"site": site["name"], **device}
            for site in entries
            for device in site.get("devices", ())
        )
    return {key_of(form, entry): entry for entry in entries}


def key_of(form: FormKind, fields: Mapping[str, Any]) -> str:
    """What an entry is called by: its name, its code, `from>to` of a link."""
    return ">".join(str(fields.get(key, "")) for key in form.keys)


def build_fields(form: FormKind, catalogue: Catalogue) -> list[FormField]:
    """The fields of a form, in the order of the labels."""
    fields = list(_list_fields(form.model, catalogue, without=form.without))
    if form.name == "device":
        fields.append(_field("site", needed=True))
    if form.name == "area":
        fields = [
            replace(field, label=mark("Name"), hint="Étampes") if field.name == "name" else field
            for field in fields
        ]
    needs = NEEDS.get(f"{form.name}s", ())
    fields = [replace(field, needed=field.needed or field.name in needs) for field in fields]
    order = list(_LABELS)
    return sorted(fields, key=lambda field: order.index(field.name))


def narrow(fields: Iterable[FormField], catalogue: Catalogue, domain: str) -> list[FormField]:
    """Fields that offer what the urban function has: its thresholds, its models first."""
    function = catalogue.domains.get(domain)
    if function is None:
        return list(fields)
    thresholds = {threshold.name for threshold in function.thresholds}
    models = {model.name for model in function.models}
    made: list[FormField] = []
    for field in fields:
        if field.name == "model":
            ordered = sorted(field.choices, key=lambda choice: choice[0] not in models)
            made.append(replace(field, choices=tuple(ordered)))
        elif field.name == "thresholds":
            first, *others = field.columns
            own = tuple(choice for choice in first.choices if choice[0] in thresholds)
            made.append(replace(field, columns=(replace(first, choices=own), *others)))
        else:
            made.append(field)
    return made


def _list_fields(
    model: type[Input], catalogue: Catalogue, *, without: Iterable[str], prefix: str = ""
) -> Iterator[FormField]:
    for attribute, info in model.model_fields.items():
        name = info.alias or attribute
        if name in without:
            continue
        parts = list(_parts(info))
        inner = next(
            (part for part in parts if isinstance(part, type) and issubclass(part, Input)), None
        )
        rows = next((part for part in parts if isinstance(part, Rows)), None)
        if rows is not None:
            yield _rows_field(name, rows, catalogue)
        elif inner is not None:
            yield from _list_fields(inner, catalogue, without=_OF_ANY_FACT, prefix=f"{name}.")
        else:
            yield _plain_field(f"{prefix}{name}", info, parts, catalogue)


def _parts(info: FieldInfo) -> Iterator[Any]:
    """The type of a field and all that its annotations say."""
    yield from _unfold(info.annotation)
    yield from info.metadata


def _unfold(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from _unfold(part)
    elif hasattr(annotation, "__metadata__"):
        yield from _unfold(annotation.__origin__)
        yield from annotation.__metadata__
    else:
        yield get_origin(annotation) or annotation


def _plain_field(
    name: str, info: FieldInfo, parts: Sequence[Any], catalogue: Catalogue
) -> FormField:
    choice = next((part for part in parts if isinstance(part, Choice)), None)
    needed = info.is_required() and "." not in name
    if choice is not None:
        choices = tuple((word, name_choice(word, catalogue)) for word in choice.words(catalogue))
        return _field(name, needed=needed, kind="choice", choices=choices)
    if bool in parts:
        return _field(name, needed=needed, kind="truth")
    return _field(name, needed=needed, kind="lines" if dict in parts else "text")


def _field(name: str, **more: Any) -> FormField:
    label, hint = _LABELS[name]
    return FormField(
        **{"name": name, "label": label, "hint": hint, "suggests": _SUGGESTS.get(name, ""), **more}
    )


def _rows_field(name: str, rows: Rows, catalogue: Catalogue) -> FormField:
    label, _ = _LABELS[name]
    columns: list[FormField] = []
    names = tuple(rows.names(catalogue)) if rows.names else ()
    for column in (*([rows.key] if rows.key else []), *rows.columns):
        column_label, hint = _COLUMNS.get(column, ("", ""))
        is_name = column == rows.key
        offered = tuple((word, name_choice(word, catalogue)) for word in names) if is_name else ()
        columns.append(
            FormField(
                name=column,
                label=column_label or _ROW_NAMES.get(name, ""),
                hint=hint if rows.model else "",
                # One's own threshold has a name of its own.
                kind="choice" if offered and name != "thresholds" else "text",
                choices=offered,
                suggests=name if offered else _SUGGESTS.get(column, "") if is_name else "",
            )
        )
    return FormField(
        name=name, label=label, kind="rows", columns=tuple(columns), named=bool(rows.key)
    )


def name_choice(word: str, catalogue: Catalogue) -> str:
    """A word of a file as people read it."""
    thing: Any = (
        catalogue.domains.get(word)
        or catalogue.groups.get(word)
        or catalogue.quantities.get(word)
        or catalogue.thresholds.get(word)
    )
    if thing is not None:
        return str(thing.label_fr if reader.current().language == "fr" else thing.label_en)
    if word in catalogue.models:
        model = catalogue.models[word]
        measured = [name_choice(name, catalogue) for name in model.quantities[:_MEASURED]]
        more = ["…"] if len(model.quantities) > _MEASURED else []
        maker = f" ({model.vendor})" if model.vendor not in {"", "generic"} else ""
        return f"{word}{maker}: {', '.join([*measured, *more])}"
    return translate(_WORDS[word]) if word in _WORDS else word


def preset(form: FormKind, now: datetime, given: Values) -> dict[str, str]:
    """What stands in a new form: what its address gives, and what is most likely."""
    likely = {"device": {"commissioned": f"{now:%Y-%m-%d}"}, "area": {"kind": "commune"}}
    return likely.get(form.name, {}) | {name: text for name, text in given.items() if text}

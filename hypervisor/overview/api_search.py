"""Search for anything by words."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from hypervisor.access.context import Context
from hypervisor.base.translation import translate
from hypervisor.overview import search
from hypervisor.web.problems import responses
from hypervisor.web.schemas import Body

router = APIRouter(tags=["territory"])


class HitBody(BaseModel):
    """Something that fits the words."""

    name: str = Field(examples=["orge-arpajon"])
    title: str = Field(examples=["Orge at Arpajon"])
    detail: str = Field(description="What tells it from others.", examples=["Arpajon"])
    address: str = Field(description="Its page in the console.", examples=["/sites/orge-arpajon"])
    rank: int = Field(description="0: the exact name … 4 and more: only alike.", examples=[1])
    worst: int | None = Field(
        description="Of the alarm, or of the worst one active there; 1: critical."
    )


class HitGroupBody(BaseModel):
    """The hits of a kind, best first."""

    kind: str = Field(examples=["site"])
    title: str = Field(examples=["Sites"])
    hits: list[HitBody]


class SearchBody(Body):
    """What the words are about, at most eight of a kind, the kind of the best first."""

    groups: list[HitGroupBody]


@router.get("/search", responses=responses(422))
def search_anything(
    context: Context,
    *,
    q: Annotated[str, Query(min_length=1, max_length=search.LONGEST, examples=["arpajon"])],
) -> SearchBody:
    """Sites, assets, rivers, communes, groups, devices, alarms, incidents, rules, documents.

    Accents and case do not matter; words may be incomplete, and one letter wrong.
    """
    return SearchBody(
        mode=context.mode,
        groups=[
            HitGroupBody(
                kind=group.kind,
                title=translate(group.title),
                hits=[HitBody.model_validate(hit, from_attributes=True) for hit in group.hits],
            )
            for group in search.search(context, q, ())
        ],
    )

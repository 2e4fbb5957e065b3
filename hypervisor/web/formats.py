"""In which form an answer is wanted: by `format=`, else by the header Accept."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import Depends, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from hypervisor.base.instance import Banner

Form = Literal["json", "geojson", "csv"]
GEOJSON = "application/geo+json"
CSV = "text/csv"
_MEDIA: dict[str, Form] = {
    "application/json": "json",
    GEOJSON: "geojson",
    "application/vnd.geo+json": "geojson",
    CSV: "csv",
}
_CHUNK = 2_000  # lines of CSV sent at once


_LINES = """device,quantity,unit,time,value,quality,received_at
yvette-gif,level,m,2024-10-10T06:00:00Z,1.32,,2024-10-10T06:00:04Z
"""


class Feature(BaseModel):
    """One thing on the map."""

    type: Literal["Feature"] = "Feature"
    id: str | None = Field(default=None, examples=["toulouse"])
    geometry: dict[str, Any] | None = Field(
        description="GeoJSON, WGS 84; null: unknown.",
        examples=[{"type": "Point", "coordinates": [1.44, 43.6]}],
    )
    properties: dict[str, Any] = Field(examples=[{"title": "Garonne at Toulouse"}])


class FeatureCollection(BaseModel):
    """GeoJSON (RFC 7946); `mode` is ours: live or an exercise."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    mode: Banner
    features: list[Feature]
    next: str | None = Field(default=None, description="The address of the next page.")


def also(*forms: Form) -> dict[int | str, dict[str, Any]]:
    """What the description of an endpoint says of the forms beside JSON."""
    schema = {"$ref": "#/components/schemas/FeatureCollection"}
    by_format: dict[str, Any] = {
        "geojson": {GEOJSON: {"schema": schema}},
        "csv": {CSV: {"schema": {"type": "string"}, "example": _LINES}},
    }
    content: dict[str, Any] = {}
    for form in forms:
        content |= by_format[form]
    return {200: {"content": content}}


@dataclass(frozen=True, kw_only=True)
class AcceptedFormats:
    """What a request says of the form that it wants."""

    requested: Form | None
    accept: str

    def among(self, *offered: Form) -> Form:
        """Which of these forms; the first one where anything will do.

        Raises HTTPException: 406, none of them is wanted.
        """
        if self.requested is not None:
            if self.requested in offered:
                return self.requested
            raise _unacceptable(offered)
        for kind in _parse_accept(self.accept):
            if kind in {"*/*", "application/*"}:
                return offered[0]
            form = "csv" if kind == "text/*" else _MEDIA.get(kind)
            if form in offered and form is not None:
                return form
        raise _unacceptable(offered)


def read_accepted_formats(
    request: Request,
    requested: Annotated[
        Form | None,
        Query(alias="format", description="Instead of the header Accept.", examples=["json"]),
    ] = None,
) -> AcceptedFormats:
    """The form that is wanted."""
    return AcceptedFormats(requested=requested, accept=request.headers.get("accept", "*/*"))


AnswerFormat = Annotated[AcceptedFormats, Depends(read_accepted_formats)]


def _parse_accept(accept: str) -> list[str]:
    """The media types that a client takes, the best first."""
    weighted: list[tuple[float, str]] = []
    for part in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in part.split(";"))
        weights = [part[2:] for part in parameters if part.startswith("q=")]
        try:
            weight = float(weights[0]) if weights else 1.0
        except ValueError:
            weight = 0.0
        if kind and weight > 0:
            weighted.append((-weight, kind))
    return [kind for _, kind in sorted(weighted, key=lambda pair: pair[0])] or ["*/*"]


def _unacceptable(offered: Sequence[Form]) -> HTTPException:
    kinds = [kind for kind, form in _MEDIA.items() if form in offered]
    return HTTPException(
        HTTPStatus.NOT_ACCEPTABLE,
        f"here there is {', '.join(kinds)}: say one of them in Accept, or format="
        f"{' or '.join(offered)}",
    )


def geojson(
    mode: Banner, features: Iterable[Feature], following: str | None = None
) -> JSONResponse:
    """A collection as it is answered."""
    body = FeatureCollection(mode=mode, features=list(features), next=following)
    return JSONResponse(body.model_dump(mode="json"), media_type=GEOJSON, headers=_link(following))


def table(
    head: Sequence[str], rows: Iterable[Sequence[Any]], *, name: str, following: str | None = None
) -> StreamingResponse:
    """CSV (RFC 4180), sent as it is made."""
    return StreamingResponse(
        _lines(head, rows),
        media_type=f"{CSV}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"', **_link(following)},
    )


def _link(following: str | None) -> dict[str, str]:
    return {} if following is None else {"Link": f'<{following}>; rel="next"'}


def _lines(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(head)
    for number, row in enumerate(rows, start=1):
        writer.writerow(["" if cell is None else _escape_formula(cell) for cell in row])
        if number % _CHUNK == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _escape_formula(cell: Any) -> Any:
    """A text that a spreadsheet would take for a formula is marked as text."""
    if isinstance(cell, str) and cell.startswith(("=", "+", "@", "\t", "\r")):
        return f"'{cell}"
    return cell


def point(lon: float | None, lat: float | None) -> dict[str, object] | None:
    """GeoJSON's."""
    return None if lon is None or lat is None else {"type": "Point", "coordinates": [lon, lat]}

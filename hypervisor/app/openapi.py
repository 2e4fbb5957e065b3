"""The OpenAPI description made whole: what every operation has in common is said in one place."""

import re
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from hypervisor.app.openapi_examples import example, problem
from hypervisor.base import rooms
from hypervisor.web.formats import FeatureCollection
from hypervisor.web.problems import MEDIA
from hypervisor.web.schemas import Problem

ADDRESS = "/openapi.json"
_OURS = "/api/"
_ALWAYS = (400, 401, 403, 422, 429, 503)
_WRITES = ("post", "put", "patch", "delete")
_SCHEMES = {
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "hypervisor",
        "description": "What signing in gives a browser, under a name that ends in the instance's"
        " mark (hypervisor-1a2b3c4d); writes want X-CSRF-Token, too.",
    },
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token of an account, with scopes and an end.",
    },
}
_ETAG = {"description": "What If-None-Match and If-Match name.", "schema": {"type": "string"}}
_LINK = {"description": 'The next page: rel="next".', "schema": {"type": "string"}}


def install(app: FastAPI) -> None:
    """Let the application describe itself so; made once, when first asked for."""

    @cache
    def described() -> dict[str, Any]:
        return describe(app)

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's own way to extend it

    @app.get(ADDRESS, include_in_schema=False)
    def openapi() -> JSONResponse:  # no coroutine: a second's work would hold up all the others
        return JSONResponse(described())


def describe(app: FastAPI) -> dict[str, Any]:
    """The whole description."""
    document = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version=app.openapi_version,
        description=app.description,
        license_info=app.license_info,
        routes=app.routes,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for model in (Problem, FeatureCollection):
        _add_schema(schemas, model)
    document["components"]["securitySchemes"] = _SCHEMES
    document["security"] = [{"session": []}, {"token": []}]
    for path, method, operation in _list_operations(document):
        if path.startswith(_OURS):
            _add_common(method, operation)
        _add_examples(path, operation, schemas)
        operation["operationId"] = _operation_id(path, method, operation)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    document["tags"] = _describe_tags(document)
    return document


def _add_schema(schemas: dict[str, Any], model: type[BaseModel]) -> None:
    written = model.model_json_schema(ref_template="#/components/schemas/{model}")
    for name, schema in written.pop("$defs", {}).items():
        schemas.setdefault(name, schema)
    schemas.setdefault(model.__name__, written)


def _list_operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _add_common(method: str, operation: dict[str, Any]) -> None:
    """Errors that can always come, and headers."""
    responses = operation.setdefault("responses", {})
    codes = (*_ALWAYS, 413) if method in _WRITES else _ALWAYS
    for code in codes:
        if "HTTPValidationError" in str(responses.get(str(code), "HTTPValidationError")):
            responses[str(code)] = _problem(code)
    if any(parameter["name"] == "format" for parameter in operation.get("parameters", ())):
        responses["406"] = _problem(406)
    good = responses.get("200")
    if method == "get" and good is not None:
        good.setdefault("headers", {})["ETag"] = _ETAG
        if any(parameter["name"] == "cursor" for parameter in operation.get("parameters", ())):
            good["headers"]["Link"] = _LINK
        responses["304"] = {"description": "What If-None-Match names is still so."}
    operation["responses"] = dict(sorted(responses.items()))


def _problem(code: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": HTTPStatus(code).phrase, "content": {MEDIA: {"schema": schema}}}


def _add_examples(path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        _add_parameter_example(parameter, schemas)
    for part in operation.get("requestBody", {}).get("content", {}).values():
        _add_example(part, schemas)
    for code, response in operation.get("responses", {}).items():
        for kind, part in response.get("content", {}).items():
            if kind == MEDIA:
                part.setdefault("example", problem(int(code), path))
            _add_example(part, schemas)


def _add_example(part: dict[str, Any], schemas: dict[str, Any]) -> None:
    if "example" not in part and "examples" not in part and "schema" in part:
        part["example"] = example(part["schema"], schemas)


def _add_parameter_example(parameter: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Of one that must be said; the others are best left out."""
    if not parameter.get("required"):
        return
    if "example" not in parameter and "examples" not in parameter:
        parameter["example"] = example(parameter["schema"], schemas)


def _operation_id(path: str, method: str, operation: dict[str, Any]) -> str:
    """`alarms_every`: the tag and the function, so that a client's names outlive an address."""
    made = operation["operationId"]
    mangled = re.sub(r"\W", "_", path)
    plain = made.removesuffix(f"{mangled}_{method}")
    tag = operation.get("tags", ["page"])[0]
    return f"{tag}_{plain}".replace("-", "_").replace(" ", "_")


def _describe_tags(document: dict[str, Any]) -> list[dict[str, str]]:
    """Each tag, as the module that has it says what it is about."""
    used = {
        tag for _, _, operation in _list_operations(document) for tag in operation.get("tags", ())
    }
    docstrings = _module_docstrings()
    return [{"name": tag, "description": docstrings.get(tag, tag)} for tag in sorted(used)]


def _module_docstrings() -> dict[str, str]:
    docstrings: dict[str, str] = {}
    for loaded in rooms.modules("api"):
        _, room, name = loaded.__name__.split(".")
        subject = name.removeprefix("api").lstrip("_") or room
        for router in vars(loaded).values():
            if isinstance(router, APIRouter):
                about = (loaded.__doc__ or "").partition("\n")[0]
                for tag in map(str, router.tags):
                    # Where several modules share a tag, the one that is called so says it.
                    docstrings[tag] = about if subject == tag else docstrings.get(tag, about)
    return docstrings

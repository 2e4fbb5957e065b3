"""The documents in the console: an instance has no internet."""

from fastapi import APIRouter, Response
from markupsafe import Markup

from hypervisor.access.context import Context
from hypervisor.base.errors import NotFoundError
from hypervisor.base.translation import mark
from hypervisor.overview.search import fold
from hypervisor.web import documents
from hypervisor.web.page import Page
from hypervisor.web.rendering import reader_of, render
from hypervisor.web.request import current_request

router = APIRouter()
PAGE = Page(key="help", title=mark("Help"), address="/help", order=63, shortcut="h")


@router.get("/help")
def list_documents(context: Context) -> Response:
    """The documents, those in the reader's language first, by title."""
    language = reader_of(context, current_request()).language
    read = (documents.read_document(name, language) for name in documents.names())
    listed = sorted(
        filter(None, read), key=lambda each: (each.language != language, fold(each.title))
    )
    return render(context, "help.html", documents=listed)


@router.get("/help/{name}")
def show_document(context: Context, name: str) -> Response:
    """A document with its contents."""
    document = documents.read_document(name, reader_of(context, current_request()).language)
    if document is None:
        raise NotFoundError("no document {name}", name)
    html = Markup(document.html)  # noqa: S704  of our own text, HTML in it is escaped
    return render(context, "help_document.html", document=document, html=html)

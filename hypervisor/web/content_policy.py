"""What a page may load: from us, and pictures of the basemap where one is set."""

from fastapi import FastAPI

from hypervisor.web import basemap

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self';"
    " img-src 'self' data: blob:{elsewhere}; connect-src 'self'{elsewhere};"
    " worker-src 'self' blob:; form-action 'self'; manifest-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)


def of(app: FastAPI) -> str:
    """The content security policy; besides us only the host of the map's pictures."""
    origin = basemap.origin(app.state.settings.basemap)
    return _POLICY.format(elsewhere=f" {origin}" if origin else "")

"""Memory that nothing uses any more, and that Python and the C library keep for later."""

import ctypes
import gc


def release_unused() -> None:
    """Give it back to the system, as far as the C library can (glibc): by itself it keeps most."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

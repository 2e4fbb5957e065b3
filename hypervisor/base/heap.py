"""Memory that nothing uses any more, and that the C library keeps for later."""

import ctypes


def release_unused() -> None:
    """Give it back to the system, where the C library can (glibc), which by itself keeps most."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

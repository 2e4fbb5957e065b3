"""What each page asks of the store, one module a page."""

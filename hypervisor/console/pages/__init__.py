"""One module a page: `router`, and `PAGE` where the rail shows it."""

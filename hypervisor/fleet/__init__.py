"""Our own equipment: are devices heard, believed, on time, and what goes dark without them."""

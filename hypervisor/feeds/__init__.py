"""Official services that are read: river levels, official colours, a territory to begin with."""

"""The forecast: rates of rise, and when water reaches assets."""

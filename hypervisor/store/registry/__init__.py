"""Territory, sites, devices, and what is derived of them."""

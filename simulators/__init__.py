"""Stand-ins for field hardware: one module a domain, scenarios, replay of real events."""

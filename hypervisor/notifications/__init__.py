"""Notifications: from the outbox to people, at least once; every repeat under the same key."""

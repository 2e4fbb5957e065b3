"""Warnings published to citizens: drafts, two signatures, messages; CAP, Atom and a page."""

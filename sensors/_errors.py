"""The one error tree: every error that a person is meant to read descends from here."""


class TerritoryError(Exception):
    """Something a person can mend: its text says what is wrong, where, and what was expected."""

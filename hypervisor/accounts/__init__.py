"""Who may do what: accounts, roles, sessions, tokens."""

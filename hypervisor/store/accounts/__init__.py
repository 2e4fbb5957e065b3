"""What is kept of accounts, and who logs in by themselves."""

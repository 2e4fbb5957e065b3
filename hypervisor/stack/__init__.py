"""A private broker and database on one machine, and the supervisor of the parts."""

"""What every room needs of the database: connections, locks, tenancy, feed, events, audit."""

"""All SQL. Only this package imports psycopg; each module is one subject's tables."""

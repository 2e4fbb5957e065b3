"""All SQL. Only this package imports psycopg; a folder a subject, here what all need."""

"""All SQL. Only this package imports psycopg; a folder a subject, and here what all of them need."""

"""Exercises: their runs, what is put into them, and begun anew."""

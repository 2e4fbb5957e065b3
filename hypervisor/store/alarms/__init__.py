"""Alarms as they are kept, what people did to them, and what is asked of them."""

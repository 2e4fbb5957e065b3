"""What pages, the wall and charts ask, mostly each in one question."""

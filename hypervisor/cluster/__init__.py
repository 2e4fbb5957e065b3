"""Three machines that stand in for each other: their plan, and their servers' configuration.

Below `stack`, which starts what is configured here.
"""

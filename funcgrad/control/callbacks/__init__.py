"""Calls of the user's Python from within programs."""

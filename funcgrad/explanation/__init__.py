"""Explanations of one evaluation: every value, every gradient, as tables, pictures and code."""

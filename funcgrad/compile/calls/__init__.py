"""Calls of jitted functions: what tells one from another, and how it is recognised."""

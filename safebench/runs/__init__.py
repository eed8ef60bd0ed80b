"""A run: what it is asked to do, and its folder."""

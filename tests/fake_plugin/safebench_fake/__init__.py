"""A third party's models."""

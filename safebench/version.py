"""SafeBench's own version, which results and products name."""

__version__ = "0.2.0"

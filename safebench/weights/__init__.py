"""Files of numbers: fetched from where they are published, read without running code."""

"""A run's folder: its options, its tables, and where its results come from."""

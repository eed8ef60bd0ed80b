"""Models: their cards and contracts, where they are found, with which checkpoint, and how they are called."""

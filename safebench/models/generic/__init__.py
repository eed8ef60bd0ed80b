"""Networks that a user hands over as a file: how they take their input, and how they are called."""

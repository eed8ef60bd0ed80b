"""The way of a sample: planned, prepared, inpainted, detected."""

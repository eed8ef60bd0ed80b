"""Reading checkpoints: containers and pickles to tensors, without running code."""

"""What the command line and Python ask for: a run, one image, a table of the paper."""

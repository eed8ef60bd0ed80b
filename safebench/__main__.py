"""`python -m safebench`, as `accelerate launch -m safebench` wants it."""

from safebench.cli import main

main()

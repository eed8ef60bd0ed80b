"""The stages of a run: prepare the inputs, inpaint and measure quality, detect."""

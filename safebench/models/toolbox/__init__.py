"""For authors of models: padding, strips for large pictures, classical methods in batches, autoencoders."""

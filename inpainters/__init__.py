"""The inpainters that come with SafeBench; one folder a model."""

"""The forgery detectors that come with SafeBench; one folder a model."""

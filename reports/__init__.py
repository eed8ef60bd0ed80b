"""The forms a report can take; one folder a form."""

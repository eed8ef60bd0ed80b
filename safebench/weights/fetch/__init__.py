"""Fetching: over HTTP, from the Hub, from Google Drive, from inside an archive."""

"""The folder format in which pictures go out to models elsewhere, and pictures or maps come back (docs/exchange.md)."""

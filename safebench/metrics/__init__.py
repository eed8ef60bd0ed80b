"""What SafeBench measures: one object a metric, listed in `catalogue`; how sure averages are (docs/protocol.md)."""

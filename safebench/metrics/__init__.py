"""What SafeBench measures, image by image, and how sure the averages are (docs/protocol.md, sections 3 to 6)."""

"""What comes in: photos, masks, and the decoding of both."""

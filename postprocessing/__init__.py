"""What happens to pictures between their maker and their judge; one folder each."""

"""What is to be expected soon: where the water goes, and when it reaches what stands in its way."""

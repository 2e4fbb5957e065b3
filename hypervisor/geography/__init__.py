"""What maps draw: outlines, courses of rivers, files of map programs."""

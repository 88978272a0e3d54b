"""Values and texts of the frame of every page."""

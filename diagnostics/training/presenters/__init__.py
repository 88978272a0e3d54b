"""Values and texts of training runs for pages."""

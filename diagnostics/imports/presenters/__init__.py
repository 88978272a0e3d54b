"""Values and texts of imports for pages and tables."""

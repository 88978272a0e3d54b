"""Values and texts of the pages of monitoring."""

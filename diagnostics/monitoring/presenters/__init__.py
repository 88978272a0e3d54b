"""Values and texts of the page of monitoring."""

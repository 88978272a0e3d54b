"""Values and texts of the pages of monitoring, one module a subject."""

"""Values and texts of the home page: tiles and their charts."""

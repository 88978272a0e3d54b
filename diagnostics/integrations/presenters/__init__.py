"""Values and texts of the pages of integrations, one module a subject."""

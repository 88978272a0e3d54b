"""Values and words of integrations for pages, one module a subject."""

"""Values and words of integrations for pages and other systems, one module a subject."""

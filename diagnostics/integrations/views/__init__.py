"""Pages of integrations, one module a subject."""

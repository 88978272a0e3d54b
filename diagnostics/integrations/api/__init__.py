"""API of integrations, one module a subject."""

"""Forms of integrations, one module a subject."""

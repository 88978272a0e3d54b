"""API endpoints of integrations, one module a subject."""

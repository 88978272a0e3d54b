"""Decisions of integrations without a database, one module a subject."""

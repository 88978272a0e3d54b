"""Errors of integrations, one module a subject."""

"""Reads of integrations, one module a subject."""

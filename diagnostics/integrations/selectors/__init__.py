"""Reads of integrations, one module a subject."""
"""Reads of what is exchanged with other systems."""

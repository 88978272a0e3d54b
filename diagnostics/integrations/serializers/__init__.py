"""Serializers of integrations, one module a subject."""

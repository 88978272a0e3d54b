"""Staged uploads: files that were received and checked, before their user sends them."""

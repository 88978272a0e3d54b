"""The hospital's words: small Django apps standing in one line."""

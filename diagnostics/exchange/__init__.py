"""Doors to other collections: labelled films come in with where they are from."""

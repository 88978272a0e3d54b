"""Doors to other collections: labelled radiographs come in with where they are from."""

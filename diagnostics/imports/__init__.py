"""Imports of labelled radiograph collections, with the provenance of every finding."""

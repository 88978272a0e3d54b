"""Queries of training labels and runs."""

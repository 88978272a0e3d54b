"""Filters of the review pages."""

"""Reads: the rows of a patient, and the training runs that used them."""

"""Tests of the record of what happened."""

"""Tests of staged uploads."""

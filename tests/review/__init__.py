"""Tests of claims and readings."""

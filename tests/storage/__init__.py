"""Tests of diagnostics.storage."""

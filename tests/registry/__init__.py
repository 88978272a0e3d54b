"""Tests of model versions."""

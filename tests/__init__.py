"""Tests, one folder for each package of the product; docs/testing.md says how to run them."""

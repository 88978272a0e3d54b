"""Tests of the structure checks of `make check`."""

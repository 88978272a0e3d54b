"""Pixels in, explanations out: a library that knows no Django."""

"""Decoding of radiographs and everything that works on pixels without a network."""

"""Image decoding, network training, inference and evaluation; a library without Django."""

"""What monitoring writes, one module a subject."""

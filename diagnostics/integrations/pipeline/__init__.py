"""What workers do for other systems, one module a subject."""

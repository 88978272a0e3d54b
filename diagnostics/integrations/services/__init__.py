"""What is received from other systems, and what is sent to them, one module a subject."""

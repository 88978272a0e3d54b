"""Changes of staged uploads: receive, check, edit, send, remove, expire."""

"""Changes: erasure, export, retention."""

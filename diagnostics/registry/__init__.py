"""Model versions: which one is active, since when, promoted by whom and why."""

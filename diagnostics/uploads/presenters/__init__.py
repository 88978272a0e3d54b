"""Values of the check table for its page."""

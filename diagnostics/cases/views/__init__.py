"""Pages and images of cases."""

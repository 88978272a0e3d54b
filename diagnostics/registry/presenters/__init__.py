"""Values and texts of model versions for pages and model cards."""

"""Forms of the pages of integrations."""

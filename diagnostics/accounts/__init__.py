"""Staff, their sites, and what each role may do."""

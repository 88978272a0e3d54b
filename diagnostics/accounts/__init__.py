"""Staff, their sites, and the permissions of each role."""

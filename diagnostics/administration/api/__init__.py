"""The API of users, sites and the audit log."""

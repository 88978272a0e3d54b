"""Pages of accounts: login, second factor, the user's own account, and the access of staff."""

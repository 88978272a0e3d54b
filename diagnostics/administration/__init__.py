"""The pages of administrators that need several apps: home, and changes of accounts."""

"""Backup and restore of an installation: database, radiographs, bundles, training runs and the secret key."""

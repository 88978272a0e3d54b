"""The Django apps of Readroom; each imports only the apps below it (docs/architecture.md)."""

"""What monitoring writes: aggregates, references, alerts and their e-mails."""

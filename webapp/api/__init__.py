"""What all endpoints of the API share: pages of lists, entity tags, idempotency keys, rate limits, schema."""

"""The API of readings, of the worklist and of reader quality."""

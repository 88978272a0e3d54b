"""Reads of claims, readings, the worklist and reader quality."""

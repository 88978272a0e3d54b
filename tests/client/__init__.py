"""Tests of the client in clients/python."""

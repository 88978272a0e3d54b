"""Tests of accounts, logins and the frame of the pages."""

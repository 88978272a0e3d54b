"""Tests of staff, logins and the frame of the pages."""

"""The files of all rows: their list, their verification, and the removal of files that no row names."""

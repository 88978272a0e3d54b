"""Views of the worklist, the reading page and the reader quality page."""

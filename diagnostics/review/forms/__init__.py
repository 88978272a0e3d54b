"""Forms of the reading page, the worklist, the reading policy and reference cases."""

"""Patients of a site: name, birth date and sex beside the reference that their cases carry."""

"""Text and values of cases for templates and serializers."""

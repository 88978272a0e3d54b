"""Password rules beyond those of Django."""

from __future__ import annotations

import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from diagnostics.accounts.models import Site, User

MIN_NAME = 4  # characters; a shorter name may be part of any word
PRODUCT = "readroom"


class NamesValidator:
    """Refuse passwords that contain the user name, the name of a site, or of this product."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError for a password that contains one of the names."""
        names = [PRODUCT, *Site.objects.values_list("name", flat=True)]
        if user is not None:
            names += [user.username, user.first_name, user.last_name]
        found = [
            name for name in map(_letters, names) if len(name) >= MIN_NAME and name in _letters(password)
        ]
        if found:
            raise ValidationError(self.get_help_text(), code="password_contains_name")

    def get_help_text(self) -> str:
        """Return the rule as a sentence."""
        return _("Your password must not contain your name, your user name, or the name of a site.")


def _letters(text: str) -> str:
    """Return the letters and digits of a text in lower case."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())

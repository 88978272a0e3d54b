"""Row locks that serialize what readers do at the same moment; take the reader's lock before the case's."""

from __future__ import annotations

from diagnostics.accounts.models import User
from diagnostics.cases.models import Case


def lock_reader(by: User) -> None:
    """Serialize the requests of one reader, so that a double click does not claim two cases."""
    User.objects.select_for_update(no_key=True).get(pk=by.pk)


def lock_case(case: Case) -> Case:
    """Serialize claims, releases and signatures of one case; return the case as it is now."""
    return Case.objects.select_for_update(no_key=True).get(pk=case.pk)

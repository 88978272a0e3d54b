"""What a script does with Readroom. The types of the answers are generated: see generated.py."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from gettext import gettext as _
from pathlib import Path
from typing import Any, Self, cast

from readroom.errors import TimedOut
from readroom.generated import Case, CreatedCase, ImportDetail, Me, Run, Version, WorklistCase
from readroom.transport import Transport

FINISHED_CASE = ("done", "failed")
FINISHED_RUN = ("done", "failed", "stopped")
POLL = 2.0  # seconds
Clock = Callable[[], float]
OnCase = Callable[[Case], None]


class Client:
    """A user of one server.

    >>> with Client("https://readroom.example", token) as readroom:
    ...     created = readroom.upload(Path("a.dcm"))
    ...     [case] = readroom.wait([created["id"]])
    """

    def __init__(self, url: str, token: str, *, clock: Clock = time.monotonic, **transport: Any) -> None:
        self._api, self._clock = Transport(url, token, **transport), clock
        self._sleep = transport.get("sleep", time.sleep)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._api.close()

    def me(self) -> Me:
        """Return the own account, its permissions and those of the token."""
        return cast(Me, self._api.get("me/"))

    def upload(self, file: Path, **fields: str | None) -> CreatedCase:
        """Upload a radiograph with the fields of `cases_open`; raises Refused with the code of the reason."""
        content = file.read_bytes()
        return cast(CreatedCase, self._api.post_file("cases/", "radiograph", file.name, content, **fields))

    def case(self, case: str) -> Case:
        """Return a case with its AI result, unless that is withheld."""
        return cast(Case, self._api.get(f"cases/{case}/"))

    def cases(self, **filters: str | None) -> Iterator[Case]:
        """Yield the cases of the user's sites, newest first."""
        return cast(Iterator[Case], self._api.pages("cases/", page_size=200, **filters))

    def wait(
        self, cases: Iterable[str], *, timeout: float = 600, on_done: OnCase | None = None
    ) -> list[Case]:
        """Return cases once their predictions have ended; raises TimedOut."""
        waiting, done = list(cases), dict[str, Case]()
        order, until = list(waiting), self._clock() + timeout
        while waiting:
            for pk in list(waiting):
                case = self.case(pk)
                if case["status"] in FINISHED_CASE:
                    done[pk] = case
                    waiting.remove(pk)
                    if on_done:
                        on_done(case)
            self._pause(waiting, until)
        return [done[pk] for pk in order]

    def worklist(self, **filters: str | None) -> Iterator[WorklistCase]:
        """Yield the cases of a tab of the worklist, without AI results."""
        return cast(Iterator[WorklistCase], self._api.pages("worklist/", **filters))

    def scan(self, collection: str, **options: str | None) -> ImportDetail:
        """Scan a collection: a ZIP file here, or a name of the server's import folder."""
        if Path(collection).is_file():
            content = Path(collection).read_bytes()
            return cast(
                ImportDetail,
                self._api.post_file("imports/", "upload", Path(collection).name, content, **options),
            )
        body = {"choice": collection} | {name: value for name, value in options.items() if value}
        return cast(ImportDetail, self._api.post("imports/", body))

    def start_import(self, import_id: str) -> ImportDetail:
        """Start or resume an import."""
        return cast(ImportDetail, self._api.post(f"imports/{import_id}/start/"))

    def follow_import(self, import_id: str, *, timeout: float = 86_400) -> Iterator[ImportDetail]:
        """Yield the import again and again until it has ended; raises TimedOut."""
        until = self._clock() + timeout
        while True:
            current = cast(ImportDetail, self._api.get(f"imports/{import_id}/"))
            yield current
            if current["finished"]:
                return
            self._pause([import_id], until)

    def train(self, **parameters: Any) -> Run:
        """Start a training run."""
        given = {name: value for name, value in parameters.items() if value is not None}
        return cast(Run, self._api.post("training/runs/", given))

    def follow_run(self, run: str, *, timeout: float = 7 * 86_400) -> Iterator[Run]:
        """Yield the run again and again until it has ended; raises TimedOut."""
        until = self._clock() + timeout
        while True:
            current = cast(Run, self._api.get(f"training/runs/{run}/"))
            yield current
            if current["status"] in FINISHED_RUN:
                return
            self._pause([run], until)

    def versions(self) -> Iterator[Version]:
        """Yield the model versions, newest first."""
        return cast(Iterator[Version], self._api.pages("versions/"))

    def promote(self, version: str, *, reason: str, **choice: Any) -> Version:
        """Promote a version by its id; `choice` holds `operating_point`, `override` and `acknowledged`."""
        return cast(Version, self._api.post(f"versions/{version}/promote/", {"reason": reason} | choice))

    def report(self, case: str) -> bytes:
        """Return the report of a final case as PDF; the token needs the scope `identifiers`."""
        return self._api.bytes_of(f"cases/{case}/report.pdf")

    def events(self, **filters: str | None) -> Iterator[dict[str, Any]]:
        """Yield the events of the audit log, newest first."""
        return self._api.pages("audit/events/", page_size=200, **filters)

    def _pause(self, waiting: list[str], until: float) -> None:
        if not waiting:
            return
        if self._clock() >= until:
            raise TimedOut(_("%(n)d of them have not ended in time.") % {"n": len(waiting)})
        self._sleep(POLL)

"""The addresses that the upload page's script calls: JSON of the user's own list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from functools import wraps
from typing import Any, Final
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from diagnostics.accounts.permissions import StaffRequest, require_permission
from diagnostics.accounts.roles import Permission
from diagnostics.cases.errors import InvalidField, ServerBusy
from diagnostics.errors import DomainError
from diagnostics.uploads import selectors, storage
from diagnostics.uploads.models import StagedStatus, StagedUpload
from diagnostics.uploads.presenters.rows import progress_of, row_of
from diagnostics.uploads.services import checking, editing, sending, staging

ZIP_SIGNATURES: Final = (b"PK\x03\x04", b"PK\x05\x06")  # of a local file, and of an empty archive


def answer_errors(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Answer a DomainError as JSON with its code, message and status."""

    @wraps(view)
    def answered(request: StaffRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except DomainError as error:
            headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
            body = {"code": error.code, "message": str(error)}
            return JsonResponse(body, status=error.status, headers=headers)

    return answered


@require_permission(Permission.UPLOAD)
@require_http_methods(["GET", "HEAD", "POST"])
@answer_errors
def uploads(request: StaffRequest) -> HttpResponseBase:
    """List the user's uploads; receive and check one file, or receive the files of a ZIP."""
    if request.method != "POST":
        return _rows(selectors.with_progress(selectors.of_user(request.user)))
    file = request.FILES.get("radiograph")
    if not isinstance(file, UploadedFile):
        raise InvalidField("radiograph_missing", _("Please choose a file."))
    received: dict[str, Any] = {
        "name": request.POST.get("path") or file.name or "",
        "size": file.size or 0,
        "chunks": file.chunks(),
        "by": request.user,
        "now": timezone.now(),
    }
    if _is_zip(file):
        return _rows(staging.stage_archive(**received), status=201)
    upload = staging.stage_file(**received)
    with suppress(ServerBusy):  # the page asks for the check again
        checking.check(upload=upload)
    return _rows([upload], status=201)


@require_permission(Permission.UPLOAD)
@require_safe
def progress(request: StaffRequest) -> HttpResponse:
    """List how far the user's sent uploads are."""
    return JsonResponse({"rows": [asdict(progress_of(upload)) for upload in selectors.sent(request.user)]})


@require_permission(Permission.UPLOAD)
@require_POST
def clear(request: StaffRequest) -> HttpResponse:
    """Remove the user's sent and refused uploads from the list."""
    settled = (StagedStatus.SENT, StagedStatus.REFUSED)
    editing.remove(uploads=selectors.of_user(request.user).filter(status__in=settled))
    return HttpResponse(status=204)


@require_permission(Permission.UPLOAD)
@require_POST
@answer_errors
def check(request: StaffRequest, pk: UUID) -> HttpResponseBase:
    """Check a received file that was not checked yet."""
    return _rows([checking.check(upload=_own(request, pk))])


@require_permission(Permission.UPLOAD)
@require_POST
@answer_errors
def edit(request: StaffRequest, pk: UUID) -> HttpResponseBase:
    """Store typed fields of a row."""
    return _rows([editing.edit(upload=_own(request, pk), typed=request.POST.dict(), by=request.user)])


@require_permission(Permission.UPLOAD)
@require_POST
@answer_errors
def send(request: StaffRequest, pk: UUID) -> HttpResponseBase:
    """Open the case of a row."""
    upload = sending.send(
        upload=_own(request, pk), typed=request.POST.dict(), by=request.user, now=timezone.now()
    )
    return _rows([upload])


@require_permission(Permission.UPLOAD)
@require_POST
def remove(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Remove a row and its file; a case that it opened stays."""
    editing.remove(uploads=selectors.of_user(request.user).filter(pk=_own(request, pk).pk))
    return HttpResponse(status=204)


@require_permission(Permission.UPLOAD)
@require_safe
def thumbnail(request: StaffRequest, pk: UUID) -> HttpResponse:
    """Return the thumbnail of a row."""
    try:
        png = storage.read_thumbnail(_own(request, pk).pk)
    except FileNotFoundError as error:
        raise Http404 from error
    return HttpResponse(png, content_type="image/png")


def _own(request: StaffRequest, pk: UUID) -> StagedUpload:
    return get_object_or_404(selectors.with_progress(selectors.of_user(request.user)), pk=pk)


def _rows(uploads: Iterable[StagedUpload], *, status: int = 200) -> JsonResponse:
    return JsonResponse({"rows": [asdict(row_of(upload)) for upload in uploads]}, status=status)


def _is_zip(file: UploadedFile) -> bool:
    signature = file.read(4)
    file.seek(0)
    return signature in ZIP_SIGNATURES

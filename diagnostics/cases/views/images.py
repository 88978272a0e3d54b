"""Pictures of a case: the radiograph, the heat of one class, and both in one."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from diagnostics.accounts.models import User
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import selectors
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services import blinding
from ml.inference import heatmap_files
from ml.inference import overlay as overlays
from ml.records import UnreadableImage

logger = logging.getLogger(__name__)
P = ParamSpec("P")
CaseImage = Callable[Concatenate[HttpRequest, User, Case, P], HttpResponseBase]
ImageView = Callable[Concatenate[HttpRequest, uuid.UUID, P], HttpResponseBase]


def of_visible_case(picture: CaseImage[P]) -> ImageView[P]:
    """Give a picture to those who may see its case, known by their session or their token."""

    @wraps(picture)
    @require_safe
    def view(request: HttpRequest, pk: uuid.UUID, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            user = _who(request)
        except AuthenticationFailed as refusal:
            return HttpResponse(str(refusal.detail), status=401, headers={"WWW-Authenticate": "Token"})
        if user is None:
            return redirect_to_login(request.get_full_path())
        case = get_object_or_404(selectors.visible_to(user).select_related("radiograph"), pk=pk)
        return picture(request, user, case, *args, **kwargs)

    return view


@of_visible_case
def display_image(request: HttpRequest, by: User, case: Case) -> HttpResponseBase:
    """Show the radiograph: our own 8-bit copy, never the file that was uploaded."""
    display_image = case.radiograph
    return _png(
        request,
        by,
        case,
        row=display_image.pk,
        shown="radiograph",
        draw=lambda: _read(selectors.display_path(display_image)),
    )


@of_visible_case
def full_depth_pixels(request: HttpRequest, by: User, case: Case) -> HttpResponseBase:
    """Give the radiograph in full depth, as ml.depth packs it, for the viewer to window."""
    # The reading page fetches the next radiographs ahead; that nobody has looked yet is on record too.
    shown = "radiograph ahead" if request.headers.get("X-Readroom-Ahead") else "radiograph in depth"
    draw = lambda: _packed(case)  # noqa: E731
    return _kept(
        request,
        by,
        case,
        etag=f"{case.radiograph.pk}-depth",
        shown=shown,
        draw=draw,
        kind="application/octet-stream",
    )


@of_visible_case
def heatmap_layer(request: HttpRequest, by: User, case: Case, finding: str) -> HttpResponseBase:
    """Show the heat of one class alone, to be laid over the radiograph."""
    answer = _answer(by, case)
    if finding not in answer.heat:
        raise Http404
    draw = lambda: _heat_layer(answer, finding)  # noqa: E731
    return _png(request, by, case, row=answer.pk, shown=f"heat {finding}", draw=draw)


@of_visible_case
def overlay(request: HttpRequest, by: User, case: Case) -> HttpResponseBase:
    """Show radiograph and heat of the machine's finding as one picture."""
    answer = _answer(by, case)
    draw = lambda: _read(selectors.overlay_path(answer))  # noqa: E731
    return _png(request, by, case, row=answer.pk, shown="overlay", draw=draw)


def _who(request: HttpRequest) -> User | None:
    if isinstance(request.user, User):
        return request.user
    known = TokenAuthentication().authenticate(Request(request))
    return known[0] if known else None


def _answer(by: User, case: Case) -> Prediction:
    if not blinding.may_see_prediction(by, case):
        raise PermissionDenied(_("The machine's answer is shown once the radiograph has been read."))
    answer = selectors.latest_done_prediction(case)
    if answer is None:
        raise Http404
    blinding.record_prediction_shown(by, [answer], timezone.now())
    return answer


def _png(
    request: HttpRequest, by: User, case: Case, *, row: uuid.UUID, shown: str, draw: Callable[[], bytes]
) -> HttpResponseBase:
    etag = f"{row}-{shown.replace(' ', '-')}"
    return _kept(request, by, case, etag=etag, shown=shown, draw=draw, kind="image/png")


def _kept(
    request: HttpRequest,
    by: User,
    case: Case,
    *,
    etag: str,
    shown: str,
    draw: Callable[[], bytes],
    kind: str,
) -> HttpResponseBase:
    """Answer with a picture of a row; rows of pictures never change, so their id is in the ETag."""
    etag = f'"{etag}"'
    unchanged = get_conditional_response(request, etag=etag)
    response = unchanged or HttpResponse(draw(), content_type=kind)
    audit.record(
        action=Action.IMAGE_VIEWED, by=by, target=case, detail={"picture": shown}, now=timezone.now()
    )
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"  # every showing asks, so every showing is on record
    response["Content-Disposition"] = "inline"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _heat_layer(answer: Prediction, finding: str) -> bytes:
    try:
        found, frame = heatmap_files.load_heatmaps(selectors.heatmap_path(answer))
    except FileNotFoundError as missing:
        raise Http404 from missing
    return overlays.heatmap_layer_png(found[finding], frame, reference=answer.heat[finding]["reference"])


def _packed(case: Case) -> bytes:
    try:
        return selectors.packed_bit_depth(case.radiograph)
    except (OSError, UnreadableImage) as trouble:
        logger.warning("the depth of case %s cannot be had: %s", case.pk, type(trouble).__name__)
        raise Http404 from trouble


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as missing:
        raise Http404 from missing

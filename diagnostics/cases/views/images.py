"""Images of a case: the radiograph, its full-depth pixels, the heatmap of one class, and the overlay."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from functools import partial, wraps
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
from diagnostics.cases.models import Case, Prediction, Radiograph
from diagnostics.cases.services import blinding
from ml.errors import UnreadableImage
from ml.inference import heatmap_files
from ml.inference import overlay as overlays

logger = logging.getLogger(__name__)
P = ParamSpec("P")
CaseImage = Callable[Concatenate[HttpRequest, User, Case, P], HttpResponseBase]
ImageView = Callable[Concatenate[HttpRequest, uuid.UUID, P], HttpResponseBase]


def of_visible_case(image: CaseImage[P]) -> ImageView[P]:
    """Restrict an image to users who may see its case, authenticated by session or token."""

    @wraps(image)
    @require_safe
    def view(request: HttpRequest, pk: uuid.UUID, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            user = _authenticated_user(request)
        except AuthenticationFailed as error:
            return HttpResponse(str(error.detail), status=401, headers={"WWW-Authenticate": "Token"})
        if user is None:
            return redirect_to_login(request.get_full_path())
        case = get_object_or_404(selectors.visible_to(user).select_related("radiograph"), pk=pk)
        return image(request, user, case, *args, **kwargs)

    return view


@of_visible_case
def display_image(request: HttpRequest, by: User, case: Case) -> HttpResponseBase:
    """Return the 8-bit PNG of the radiograph; the uploaded file itself is never served."""
    radiograph = case.radiograph
    read = partial(_read, selectors.display_path(radiograph))
    return _image_response(request, by, case, etag=f"{radiograph.pk}", name="radiograph", read=read)


@of_visible_case
def full_depth_pixels(request: HttpRequest, by: User, case: Case) -> HttpResponseBase:
    """Return all stored bits of the radiograph, packed by `ml.images.full_depth` for the viewer."""
    # The reading page prefetches the next radiographs; the audit record tells a prefetch from a view.
    prefetch = bool(request.headers.get("X-Readroom-Prefetch"))
    return _image_response(
        request,
        by,
        case,
        etag=f"{case.radiograph.pk}-pixels",
        name="full-depth radiograph, prefetched" if prefetch else "full-depth radiograph",
        read=partial(_packed_pixels, case.radiograph),
        content_type="application/octet-stream",
    )


@of_visible_case
def heatmap_layer(request: HttpRequest, by: User, case: Case, finding: str) -> HttpResponseBase:
    """Return the heatmap of one class as a transparent layer above the radiograph."""
    prediction = _shown_prediction(by, case)
    if finding not in prediction.heatmaps:
        raise Http404
    read = partial(_heatmap_png, prediction, finding)
    etag = f"{prediction.pk}-heatmap-{finding}"
    return _image_response(request, by, case, etag=etag, name=f"heatmap {finding}", read=read)


@of_visible_case
def overlay(request: HttpRequest, by: User, case: Case) -> HttpResponseBase:
    """Return radiograph and heatmap of the predicted finding as one image."""
    prediction = _shown_prediction(by, case)
    read = partial(_read, selectors.overlay_path(prediction))
    etag = f"{prediction.pk}-overlay"
    return _image_response(request, by, case, etag=etag, name="overlay", read=read)


def _authenticated_user(request: HttpRequest) -> User | None:
    if isinstance(request.user, User):
        return request.user
    authenticated = TokenAuthentication().authenticate(Request(request))
    return authenticated[0] if authenticated else None


def _shown_prediction(by: User, case: Case) -> Prediction:
    """Return the prediction and record its view; raises PermissionDenied while it is withheld."""
    if not blinding.may_see_prediction(by, case):
        raise PermissionDenied(_("The AI result is shown after the radiograph has been read."))
    prediction = selectors.latest_done_prediction(case)
    if prediction is None:
        raise Http404
    blinding.record_prediction_shown(by, [prediction], timezone.now())
    return prediction


def _image_response(
    request: HttpRequest,
    by: User,
    case: Case,
    *,
    etag: str,
    name: str,
    read: Callable[[], bytes],
    content_type: str = "image/png",
) -> HttpResponseBase:
    """Return an image and audit its view; the files of a row never change, so its id makes an ETag."""
    quoted = f'"{etag}"'
    unchanged = get_conditional_response(request, etag=quoted)
    response = unchanged or HttpResponse(read(), content_type=content_type)
    audit.record(action=Action.IMAGE_VIEWED, by=by, target=case, detail={"image": name}, now=timezone.now())
    response["ETag"] = quoted
    response["Cache-Control"] = "private, no-store"  # each view sends a request, so each view is audited
    response["Content-Disposition"] = "inline"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _heatmap_png(prediction: Prediction, finding: str) -> bytes:
    try:
        heatmaps, frame = heatmap_files.load_heatmaps(selectors.heatmap_path(prediction))
    except FileNotFoundError as error:
        raise Http404 from error
    reference = prediction.heatmaps[finding]["reference"]
    return overlays.heatmap_layer_png(heatmaps[finding], frame, reference=reference)


def _packed_pixels(radiograph: Radiograph) -> bytes:
    try:
        return selectors.packed_bit_depth(radiograph)
    except (OSError, UnreadableImage) as error:
        logger.warning("no full-depth pixels of radiograph %s: %s", radiograph.pk, type(error).__name__)
        raise Http404 from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise Http404 from error

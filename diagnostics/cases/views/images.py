"""Images of a case: the radiograph, its thumbnail and full-depth pixels, a heatmap, and the overlay."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial, wraps
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
from rest_framework.exceptions import AuthenticationFailed, Throttled

from diagnostics.accounts.api import user_of_token
from diagnostics.accounts.models import User
from diagnostics.accounts.roles import Permission
from diagnostics.audit import services as audit
from diagnostics.audit.models import Action
from diagnostics.cases import selectors
from diagnostics.cases.errors import ImageUnavailable, ServerBusy, StorageUnavailable
from diagnostics.cases.models import Case, Prediction
from diagnostics.cases.services import blinding, stored_images
from ml.inference import overlay as overlays

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
        except Throttled as error:
            wait = str(getattr(error, "wait", ""))  # the stubs of Throttled lack it
            return HttpResponse(str(error.detail), status=429, headers={"Retry-After": wait})
        if user is None:
            return redirect_to_login(request.get_full_path())
        if not user.has_permission(Permission.SEE_CASES):  # for example a token that may only upload
            raise PermissionDenied
        case = get_object_or_404(selectors.visible_to(user).select_related("radiograph"), pk=pk)
        try:
            return image(request, user, case, *args, **kwargs)
        except ImageUnavailable as error:
            return HttpResponse(str(error), status=error.status, content_type="text/plain; charset=utf-8")
        except (ServerBusy, StorageUnavailable) as error:  # the viewer keeps showing the display PNG
            headers = {"Retry-After": str(error.retry_after)}
            return HttpResponse(str(error), status=error.status, headers=headers)

    return view


@of_visible_case
def display_image(request: HttpRequest, by: User, case: Case) -> HttpResponseBase:
    """Return the 8-bit PNG of the radiograph; the uploaded file itself is never served."""
    radiograph = case.radiograph
    read = partial(stored_images.display_png, radiograph, by=by, now=timezone.now())
    return _image_response(request, by, case, etag=f"{radiograph.pk}", name="radiograph", read=read)


@of_visible_case
def thumbnail(request: HttpRequest, by: User, case: Case) -> HttpResponseBase:
    """Return a small JPEG of the radiograph for lists, too small to be read: its view is not recorded."""
    made = stored_images.thumbnail_jpeg(case.radiograph, by=by, now=timezone.now())
    return HttpResponse(made, content_type="image/jpeg", headers={"Cache-Control": "private, no-store"})


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
        read=partial(stored_images.packed_bit_depth, case.radiograph, by=by, now=timezone.now()),
        content_type="application/octet-stream",
    )


@of_visible_case
def heatmap_layer(request: HttpRequest, by: User, case: Case, finding: str) -> HttpResponseBase:
    """Return the heatmap of one class as a transparent layer above the radiograph."""
    prediction = _shown_prediction(by, case)
    if finding not in prediction.heatmaps:
        raise Http404
    read = partial(_heatmap_png, prediction, finding, by)
    etag = f"{prediction.pk}-heatmap-{finding}"
    return _image_response(request, by, case, etag=etag, name=f"heatmap {finding}", read=read)


@of_visible_case
def overlay(request: HttpRequest, by: User, case: Case) -> HttpResponseBase:
    """Return radiograph and heatmap of the predicted finding as one image."""
    prediction = _shown_prediction(by, case)
    read = partial(stored_images.overlay_png, prediction, by=by, now=timezone.now())
    etag = f"{prediction.pk}-overlay"
    return _image_response(request, by, case, etag=etag, name="overlay", read=read)


def _authenticated_user(request: HttpRequest) -> User | None:
    if isinstance(request.user, User):
        return request.user
    return user_of_token(request)


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


def _heatmap_png(prediction: Prediction, finding: str, by: User) -> bytes:
    heatmaps, frame = stored_images.heatmaps(prediction, by=by, now=timezone.now())
    reference = prediction.heatmaps[finding]["reference"]
    return overlays.heatmap_layer_png(heatmaps[finding], frame, reference=reference)

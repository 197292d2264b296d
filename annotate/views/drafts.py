"""What the page keeps while an annotator works: its form, sent as it stands, every second or so."""

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from annotate import access, assignments, drafts
from annotate.models import Role


@require_POST
@access.requires(Role.ANNOTATOR)
def save(request: HttpRequest, pk: int) -> JsonResponse:
    assignment = access.assignment_to_answer(request.user, pk)
    try:
        draft = drafts.save(assignment, dict(request.POST.lists()))
    except drafts.TooLong as refusal:
        return JsonResponse({"error": str(refusal)}, status=413)
    except drafts.BadDraft as refusal:
        return JsonResponse({"error": str(refusal)}, status=400)
    except assignments.NotReserved:
        return JsonResponse({"error": _("This comparison is not reserved for you any more.")}, status=409)
    return JsonResponse({"saved_at": draft.saved_at.isoformat()})

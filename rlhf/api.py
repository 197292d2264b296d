"""JSON for scripts and for the curves of a run's page."""

from django.http import HttpRequest
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import IntegerField, Serializer
from rest_framework.views import APIView

from annotate.access import STAFF, has_role
from rlhf import access
from rlhf.models import Metric


class IsStaff(BasePermission):
    """Reviewers, admins and ML engineers."""

    def has_permission(self, request: HttpRequest, view: APIView) -> bool:
        return has_role(request.user, *STAFF)


class After(Serializer):
    """The query: metrics of later steps only."""

    after = IntegerField(min_value=-1, default=-1)


class RunMetrics(APIView):
    """GET /training/runs/<id>/metrics/?after=<step>

    {"state": "running", "steps": [3, 4], "metrics": [{"loss": 0.61, …}, {"loss": 0.58, …}]}
    """

    permission_classes = [IsStaff]

    def get(self, request: Request, pk: int) -> Response:
        run = access.run_for_staff(request.user, pk)
        query = After(data=request.query_params)
        query.is_valid(raise_exception=True)
        rows = Metric.objects.filter(run=run, step__gt=query.validated_data["after"]).order_by("step")
        found = list(rows.values_list("step", "values"))
        return Response(
            {"state": run.state, "steps": [step for step, _ in found], "metrics": [values for _, values in found]}
        )

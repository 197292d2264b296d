"""For staff: projects, what is in them, what was said, and the figures. Rows come in through annotate.intake."""

from typing import Any

from django.db import IntegrityError
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from annotate import access, intake, projects, reports
from annotate.api import serializers as shapes
from annotate.api.base import EVERYBODY, CursorPages, Door, PageQuery, Query
from annotate.api.errors import Conflict
from annotate.jsonlines import FieldError
from annotate.models import Comparison, Completion, Project, Prompt, Ranking, Role, Use

ENGINEERS = (Role.ADMIN, Role.ML_ENGINEER)
ADMINS = (Role.ADMIN,)


class List(Door, ListAPIView):
    """A list by cursor; its filters are the fields of its query and no others."""

    pagination_class = CursorPages
    query_class: type[Query] = PageQuery
    roles = {"GET": access.STAFF}

    @property
    def project(self) -> Project:
        return access.project_for_staff(self.request.user, self.kwargs["slug"])


class Me(Door):
    roles = {"GET": EVERYBODY}

    @extend_schema(responses=shapes.Me)
    def get(self, request: Request) -> Response:
        """Say whose token this is."""
        return Response({"username": request.user.get_username(), "roles": sorted(access.roles_of(request.user))})


class Projects(List):
    roles = {"GET": access.STAFF, "POST": ADMINS}
    serializer_class = shapes.ProjectOut
    queryset = Project.objects.all()

    @extend_schema(parameters=[PageQuery])
    def get(self, request: Request) -> Response:
        """List the projects."""
        return self.list(request)

    @extend_schema(request=shapes.ProjectIn, responses={201: shapes.ProjectOut, 400: shapes.Errors})
    def post(self, request: Request) -> Response:
        """Create a project with the first version of its guidelines."""
        wanted = self.read(shapes.ProjectIn)
        if Project.objects.filter(slug=wanted["slug"]).exists():
            raise Conflict(f"There is a project {wanted['slug']!r} already.")
        project = projects.create(**wanted, by=request.user)
        return Response(shapes.ProjectOut(project).data, status=status.HTTP_201_CREATED)


class ProjectDetail(Door):
    roles = {"GET": access.STAFF}

    @extend_schema(responses=shapes.ProjectOut)
    def get(self, request: Request, slug: str) -> Response:
        """Show a project."""
        return Response(shapes.ProjectOut(access.project_for_staff(request.user, slug)).data)


class IdQuery(PageQuery):
    external_id = serializers.CharField(max_length=120, required=False)


class Prompts(List):
    roles = {"GET": access.STAFF, "POST": ADMINS}
    serializer_class = shapes.PromptOut
    query_class = IdQuery

    def get_queryset(self) -> QuerySet[Prompt]:
        return self.project.prompts.filter(**_filters(self.asked, "external_id"))

    @extend_schema(parameters=[IdQuery])
    def get(self, request: Request, slug: str) -> Response:
        """List a project's prompts."""
        return self.list(request)

    @extend_schema(request=shapes.PromptsIn, responses={201: shapes.Added, 400: shapes.Errors})
    def post(self, request: Request, slug: str) -> Response:
        """Add prompts, all or none; the same prompt sent again changes nothing."""
        return _add(self.project, request, kind="prompts")


class ComparisonQuery(IdQuery):
    use = serializers.ChoiceField(choices=Use.choices, required=False)
    source = serializers.CharField(max_length=120, required=False)


class Comparisons(List):
    roles = {"GET": access.STAFF, "POST": ENGINEERS}
    serializer_class = shapes.ComparisonOut
    query_class = ComparisonQuery

    def get_queryset(self) -> QuerySet[Comparison]:
        found = self.project.comparisons.filter(**_filters(self.asked, "external_id", "use", "source"))
        return found.select_related("prompt").prefetch_related("completions")

    @extend_schema(parameters=[ComparisonQuery])
    def get(self, request: Request, slug: str) -> Response:
        """List a project's comparisons with their completions."""
        return self.list(request)

    @extend_schema(request=shapes.ComparisonsIn, responses={201: shapes.Added, 400: shapes.Errors})
    def post(self, request: Request, slug: str) -> Response:
        """Add comparisons, all or none; the same comparison sent again changes nothing."""
        return _add(self.project, request, kind="comparisons")


class CompletionQuery(PageQuery):
    comparison = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    source = serializers.CharField(max_length=120, required=False)


class Completions(List):
    serializer_class = shapes.CompletionOut
    query_class = CompletionQuery

    def get_queryset(self) -> QuerySet[Completion]:
        found = Completion.objects.filter(comparison__project=self.project)
        return found.filter(**_filters(self.asked, "comparison", "source"))

    @extend_schema(parameters=[CompletionQuery])
    def get(self, request: Request, slug: str) -> Response:
        """List a project's completions."""
        return self.list(request)


class RankingQuery(PageQuery):
    comparison = serializers.IntegerField(min_value=1, max_value=2**63 - 1, required=False)
    annotator = serializers.CharField(max_length=60, required=False, help_text="A pseudonym.")
    is_current = serializers.BooleanField(default=True, help_text="false: revised ones, too.")


class Rankings(List):
    serializer_class = shapes.RankingOut
    query_class = RankingQuery

    def get_queryset(self) -> QuerySet[Ranking]:
        found = Ranking.objects.filter(comparison__project=self.project).select_related("annotator", "assignment")
        if self.asked["is_current"]:
            found = found.filter(superseded_at__isnull=True)
        if "annotator" in self.asked:
            found = found.filter(annotator__pseudonym=self.asked["annotator"])
        return found.filter(**_filters(self.asked, "comparison"))

    @extend_schema(parameters=[RankingQuery])
    def get(self, request: Request, slug: str) -> Response:
        """List a project's rankings."""
        return self.list(request)


class ConsistencyFigures(Door):
    roles = {"GET": access.STAFF}

    @extend_schema(responses=shapes.Consistency)
    def get(self, request: Request, slug: str) -> Response:
        """Show how far a project's annotators agree."""
        report = reports.consistency(access.project_for_staff(request.user, slug))
        return Response(shapes.Consistency(report).data)


def _filters(asked: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the filters of a query among the names that the view allows."""
    return {name: asked[name] for name in names if name in asked}


def _add(project: Project, request: Request, *, kind: str) -> Response:
    """Add the rows of a body {kind: [row, …]} through intake."""
    body = request.data
    if set(body) != {kind} or not isinstance(body[kind], list) or not 1 <= len(body[kind]) <= shapes.MAX_ROWS:
        raise FieldError(kind, f"expected {{{kind!r}: [1 to {shapes.MAX_ROWS} objects]}} and nothing else.")
    try:
        report = intake.import_rows(body[kind], kind=kind, project=project, by=request.user)
    except IntegrityError as problem:
        raise Conflict from problem
    added = {"row_count": report.line_count, "new_count": report.new_count, "duplicate_count": report.duplicate_count}
    return Response(added, status=status.HTTP_201_CREATED)

"""The REST API, under /api/v1/; rlhf's part of it stands in rlhf.urls_api."""

from django.urls import path

from annotate.api import demonstrations, exports, reference, staff, work

urlpatterns = [
    path("me/", staff.Me.as_view(), name="api_me"),
    path("work/", work.WorkList.as_view(), name="api_work"),
    path("work/<slug:slug>/next/", work.Next.as_view(), name="api_next"),
    path("assignments/<int:pk>/", work.Place.as_view(), name="api_assignment"),
    path("assignments/<int:pk>/submit/", work.Submit.as_view(), name="api_submit"),
    path("assignments/<int:pk>/revise/", work.Revise.as_view(), name="api_revise"),
    path("assignments/<int:pk>/demonstrate/", demonstrations.Demonstrate.as_view(), name="api_demonstrate"),
    path("assignments/<int:pk>/skip/", work.Skip.as_view(), name="api_skip"),
    path("projects/", staff.Projects.as_view(), name="api_projects"),
    path("projects/<slug:slug>/", staff.ProjectDetail.as_view(), name="api_project"),
    path("projects/<slug:slug>/prompts/", staff.Prompts.as_view(), name="api_prompts"),
    path("projects/<slug:slug>/comparisons/", staff.Comparisons.as_view(), name="api_comparisons"),
    path("projects/<slug:slug>/completions/", staff.Completions.as_view(), name="api_completions"),
    path("projects/<slug:slug>/rankings/", staff.Rankings.as_view(), name="api_rankings"),
    path("projects/<slug:slug>/demonstrations/", demonstrations.Demonstrations.as_view(), name="api_demonstrations"),
    path("projects/<slug:slug>/exports/", exports.Exports.as_view(), name="api_exports"),
    path("projects/<slug:slug>/exports/<slug:what>/", exports.ExportFile.as_view(), name="api_export"),
    path("projects/<slug:slug>/exports/<slug:what>/counts/", exports.ExportCounts.as_view(), name="api_export_counts"),
    path("projects/<slug:slug>/consistency/", staff.ConsistencyFigures.as_view(), name="api_consistency"),
    path("schema/", reference.Schema.as_view(), name="api_schema"),
    path("", reference.show, name="api_reference"),
]

"""The staff's pages, under /staff/."""

from django.urls import include, path

from annotate.views import (
    admission,
    comparisons,
    desk,
    exports,
    intake,
    objections,
    people,
    projects,
    quality_guide,
    webhooks,
)

urlpatterns = [
    path("", projects.index, name="projects"),
    path("new-project/", projects.new, name="project_new"),
    path("quality/", quality_guide.show, name="quality_guide"),
    path("projects/<slug:slug>/", projects.show, name="project"),
    path("projects/<slug:slug>/settings/", projects.change, name="project_settings"),
    path("projects/<slug:slug>/guidelines/", projects.edit_guidelines, name="guidelines_edit"),
    path("projects/<slug:slug>/import/", intake.import_file, name="import"),
    path("projects/<slug:slug>/export/", exports.show, name="export"),
    path("projects/<slug:slug>/export/file/", exports.download, name="export_download"),
    path("projects/<slug:slug>/consistency/", include("annotate.urls_consistency")),
    path("projects/<slug:slug>/onboarding/", admission.show, name="onboarding"),
    path("projects/<slug:slug>/consent/", admission.publish_consent, name="consent_edit"),
    path("projects/<slug:slug>/desk/", desk.index, name="desk"),
    path("projects/<slug:slug>/desk/next/", desk.to_next, name="desk_next"),
    path("projects/<slug:slug>/objections/", objections.index, name="objections"),
    path("objections/<int:pk>/answer/", objections.answer, name="objection_answer"),
    path("memberships/<int:pk>/pause/", admission.pause, name="member_pause"),
    path("memberships/<int:pk>/resume/", admission.resume, name="member_resume"),
    path("memberships/<int:pk>/qualification/", admission.decide, name="member_qualification"),
    path("annotators/<int:pk>/", people.show, name="annotator"),
    path("annotators/<int:pk>/pause/", people.pause, name="annotator_pause"),
    path("comparisons/<int:pk>/", comparisons.show, name="comparison"),
    path("comparisons/<int:pk>/adjudicate/", comparisons.adjudicate, name="adjudicate"),
    path("comparisons/<int:pk>/withdraw/", comparisons.withdraw, name="prompt_withdraw"),
    path("comparisons/<int:pk>/desk/", desk.rule, name="desk_comparison"),
    path("comparisons/<int:pk>/more-votes/", desk.more_votes, name="more_votes"),
    path("projects/<slug:slug>/webhooks/", webhooks.index, name="webhooks"),
    path("webhooks/<int:pk>/", webhooks.show, name="webhook"),
    path("webhooks/<int:pk>/change/", webhooks.change, name="webhook_change"),
    path("deliveries/<int:pk>/redeliver/", webhooks.redeliver, name="redeliver"),
]

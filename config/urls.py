"""All URLs: annotate's pages at the root, training under /training/, Django's admin under /admin/,
and what machines ask (operations)."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("rlhf.urls_api")),
    path("api/v1/", include("annotate.urls_api")),
    path("training/", include("rlhf.urls")),
    path("", include("operations.urls")),
    path("", include("annotate.urls")),
]

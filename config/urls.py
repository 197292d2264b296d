"""All URLs: annotate's pages at the root, training under /training/, Django's admin under /admin/."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("training/", include("rlhf.urls")),
    path("", include("annotate.urls")),
]

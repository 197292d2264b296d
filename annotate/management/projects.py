"""The project that a command's argument names."""

from django.core.management.base import CommandError

from annotate.models import Project


def project_named(slug: str) -> Project:
    """Return a project by its slug. Raises CommandError, naming those there are."""
    found = Project.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(Project.objects.values_list("slug", flat=True)) or "none yet"
        raise CommandError(f"no project {slug!r}; known projects: {known}.")
    return found

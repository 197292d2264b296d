"""Projects that ask for one thing or another, for tests of the annotator's page."""

from dataclasses import replace

from annotate import intake, projects
from annotate.models import Task
from annotate.questions import DEFAULT, to_json

GUIDELINES = "Be fair.\n\n## Making things up\nA river that does *not* exist.\n\n## Clarity\nShort words."
RIVERS = ("The Rhine and the **Nile** are rivers.", "The Limpopopo is a river. It is long.", "None.", "Po.", "Elbe.")


def project_of(task=Task.RANKING, *, slug="asked", overlap=2, **asked):
    """Return a project with this task and these questions."""
    questions = to_json(replace(DEFAULT, **asked))
    made = {"slug": slug, "name": slug.title(), "task": task, "questions": questions, "overlap": overlap}
    return projects.create(**made, guidelines=GUIDELINES, by=None)


def fill(project, write_lines, *, count, prompt="Name two rivers."):
    """Import one comparison with so many completions by SECRET-MODEL and return it."""
    completions = [{"id": str(n), "text": text, "model": "SECRET-MODEL"} for n, text in enumerate(RIVERS[:count])]
    line = {"id": "c1", "prompt": prompt, "completions": completions}
    intake.import_file(write_lines(line, name=f"{project.slug}.jsonl"), kind="comparisons", project=project)
    return project.comparisons.get()

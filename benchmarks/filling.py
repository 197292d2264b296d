"""Comparisons by the million in seconds: one INSERT … SELECT for each table, on either database."""

from django.db import connection, transaction

from annotate.models import Project

NUMBERS = "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {count}) "
INSERTS = (
    """INSERT INTO annotate_prompt (project_id, external_id, messages, text_sha256, category, language, created_at)
    {numbers} SELECT {project}, CAST(n AS TEXT), {messages}, CAST(n AS TEXT), '', '', CURRENT_TIMESTAMP
    FROM number""",
    """INSERT INTO annotate_comparison
    (project_id, prompt_id, external_id, "use", overlap, priority, source, fingerprint, created_at)
    SELECT {project}, id, external_id, 'work', {overlap}, 0, '', external_id, CURRENT_TIMESTAMP
    FROM annotate_prompt WHERE project_id = {project} ORDER BY id""",
    """INSERT INTO annotate_completion (comparison_id, external_id, text, source)
    {letters} SELECT c.id, letter, letter || {text}, '' FROM annotate_comparison c CROSS JOIN letters
    WHERE c.project_id = {project} ORDER BY c.id, letter""",
    """INSERT INTO annotate_assignment
    (project_id, comparison_id, purpose, slot, position, state, "order", skip_reason)
    {numbers} SELECT {project}, c.id, 'work', n - 1, c.id, 'open', '[]', ''
    FROM annotate_comparison c CROSS JOIN number WHERE c.project_id = {project} ORDER BY c.id, n""",
)
LETTERS = "WITH letters(letter) AS (VALUES ('a'), ('b'), ('c'), ('d')) "
SENTENCE = "a completion of ordinary length that says something about the prompt. "


def fill(project: Project, *, comparisons: int, characters: int) -> None:
    """Add comparisons of four completions to an empty project, with open places up to its overlap."""
    text = (": " + SENTENCE * (characters // len(SENTENCE) + 1))[:characters]
    counts = (comparisons, 0, 0, project.overlap)
    with transaction.atomic(), connection.cursor() as cursor:
        for count, statement in zip(counts, INSERTS, strict=True):
            cursor.execute(
                statement.format(
                    numbers=NUMBERS.format(count=count),
                    letters=LETTERS,
                    project=project.pk,
                    overlap=project.overlap,
                    text=f"'{text}'",
                    messages="""'[{"role": "user", "content": "Name a river."}]'""",
                )
            )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

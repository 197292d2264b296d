"""What must hold in the database whatever happened; checked after every load and chaos run."""

from collections.abc import Iterable
from uuid import UUID

from django.db import connection

SQL = {
    "work has exactly as many live places as its overlap": """
        SELECT c.id FROM annotate_comparison c LEFT JOIN annotate_assignment a ON a.comparison_id = c.id
        AND a.purpose = 'work' AND a.state IN ('open', 'reserved', 'submitted')
        WHERE c."use" = 'work' GROUP BY c.id, c.overlap HAVING COUNT(a.id) <> c.overlap""",
    "the slots of work are numbered below its overlap": """
        SELECT a.comparison_id FROM annotate_assignment a JOIN annotate_comparison c ON c.id = a.comparison_id
        WHERE a.slot >= c.overlap""",
    "what is not work has no open place, and more votes than its overlap neither": """
        SELECT c.id FROM annotate_comparison c JOIN annotate_assignment a ON a.comparison_id = c.id
        AND a.purpose = 'work' WHERE c."use" <> 'work' GROUP BY c.id, c.overlap
        HAVING SUM(CASE WHEN a.state = 'open' THEN 1 ELSE 0 END) > 0
        OR SUM(CASE WHEN a.state IN ('reserved', 'submitted') THEN 1 ELSE 0 END) > c.overlap""",
    "a repeat is of the same annotator's submitted work on the same comparison, in another order": """
        SELECT a.id FROM annotate_assignment a JOIN annotate_assignment f ON f.id = a.repeat_of_id
        WHERE f.comparison_id <> a.comparison_id OR f.annotator_id <> a.annotator_id OR f.state <> 'submitted'
        OR CAST(f."order" AS TEXT) = CAST(a."order" AS TEXT)""",
    "nobody is twice on a comparison": """
        SELECT comparison_id FROM annotate_assignment WHERE state IN ('reserved', 'submitted', 'skipped')
        AND purpose <> 'repeat'
        GROUP BY comparison_id, annotator_id HAVING COUNT(*) > 1""",
    "every submitted place has exactly one current ranking": """
        SELECT a.id FROM annotate_assignment a
        LEFT JOIN annotate_ranking r ON r.assignment_id = a.id AND r.superseded_at IS NULL
        WHERE a.state = 'submitted' GROUP BY a.id HAVING COUNT(r.id) <> 1""",
    "every ranking has a submitted place of the same annotator and comparison": """
        SELECT r.id FROM annotate_ranking r JOIN annotate_assignment a ON a.id = r.assignment_id
        WHERE a.state <> 'submitted' OR a.annotator_id <> r.annotator_id OR a.comparison_id <> r.comparison_id""",
    "revisions of a place are numbered without gaps": """
        SELECT assignment_id FROM annotate_ranking GROUP BY assignment_id HAVING MAX(revision) <> COUNT(*)""",
}


def breaches(acknowledged: Iterable[UUID] = ()) -> list[str]:
    """Return a line for each invariant that does not hold; `acknowledged` are the submissions clients were told of."""
    found = []
    with connection.cursor() as cursor:
        for name, query in SQL.items():
            cursor.execute(query)
            if rows := cursor.fetchall():
                found.append(f"{name}: broken {len(rows)} times, first for id {rows[0][0]}")
        cursor.execute("SELECT submission FROM annotate_ranking")
        stored = [UUID(str(row[0])) for row in cursor.fetchall()]
    if lost := set(acknowledged) - set(stored):
        found.append(f"no acknowledged submission is lost: {len(lost)} are, first {min(lost)}")
    if len(stored) != len(set(stored)):
        found.append("no submission is stored twice: some are")
    return found

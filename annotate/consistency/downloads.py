"""Which tables of a project's consistency can be had as files, and their rows. What is not reckoned yet has no rows."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from annotate import statistics
from annotate.consistency import completion_rows, heat, report
from annotate.consistency.codec import revived
from annotate.consistency.effects import Effect
from annotate.consistency.people import people
from annotate.consistency.tables import Cell, Table
from annotate.models import Annotator, Comparison, Project
from annotate.quality.findings import Detector
from annotate.win_rates import WinRate

Rows = Iterator[Mapping[str, Cell]]


def table(project: Project, name: str) -> Table:
    """Return a table by its name. Raises KeyError where there is none."""
    columns, rows = TABLES[name]
    return Table(columns, rows(project))


def _headline(project: Project) -> Rows:
    if (made := report.figures(project).content) is None:
        return
    for name in ("decisive", "half_credit", "strict", "alpha"):
        both = getattr(made, name)
        yield {"figure": name, "same_annotators": both.same_annotators, "new_annotators": both.new_annotators}
    yield {"figure": "seconds_per_100_words", "same_annotators": made.per_100_words}


def _weeks(project: Project) -> Rows:
    made = report.figures(project).content
    for week in made.weeks if made else ():
        yield {
            "week": week.name,
            "monday": week.monday.isoformat(),
            "agreement": week.agreement,
            "alpha": week.alpha,
            "tie_rate": week.tie_rate,
            "rankings": week.ranking_count,
            "annotators": week.annotator_count,
        }


def _annotators(project: Project) -> Rows:
    judged = report.verdicts(project).content
    verdicts = judged.verdicts if judged else {}
    for one in people(project):
        verdict = verdicts.get(one.annotator_id)
        yield {
            "annotator": one.pseudonym,
            "origin": one.origin,
            "is_paused": one.is_paused,
            "verdict": verdict.verdict.value if verdict else None,
            "reason": verdict.reason if verdict else None,
            "risk": verdict.risk if verdict else None,
            "rankings": one.ranking_count,
            "agreement": one.agreement,
            "first_shown_rate": one.first_shown_rate,
            "tie_rate": one.tie_rate,
            "typical_seconds": one.typical_seconds.value,
        }


def _pairs(project: Project) -> Rows:
    met = statistics.met(project)
    names = Annotator.objects.in_bulk({pk for pair in met for pk in pair})
    for (first, second), sums in met.items():
        yield {
            "first": names[first].pseudonym,
            "second": names[second].pseudonym,
            "comparisons": sums.comparisons,
            "pairs": sums.pairs,
            "equal_rankings": sums.equal_rankings,
            "agreement": heat.estimate(sums),
        }


def _effects(project: Project, name: str) -> Rows:
    made = report.figures(project).content
    found: list[Effect] = getattr(made, name) if made else []
    for one in found:
        yield {
            "name": one.name,
            "agreement": one.change.after,
            "shrunk": one.shrunk,
            "against": one.change.before,
            "difference": one.change.change.same_annotators,
            "would_have_seen": one.change.would_have_seen,
            "rankings": one.ranking_count,
            "annotators": one.annotator_count,
        }


def _ledger(project: Project, detector: Detector) -> Rows:
    judged = report.of_ledgers(project).content
    findings = judged.by(detector) if judged else {}
    names = Annotator.objects.in_bulk(list(findings))
    for pk, finding in findings.items():
        yield {
            "annotator": names[pk].pseudonym,
            "weight": finding.severity.value,
            "effect": finding.effect,
            "z": finding.z,
            "q": finding.q,
            "sentence": finding.sentence,
        }


def _labels(project: Project) -> Rows:
    made = report.label_value(project).content
    for name, value in (made.ceiling | made.budget).items() if made else ():
        yield {"figure": name, "accuracy": value}


def _comparisons(project: Project) -> Rows:
    tallies = statistics.listing(project)
    names = dict(Comparison.objects.filter(project=project).values_list("pk", "external_id"))
    for tally in tallies.iterator(chunk_size=2000):
        yield {
            "comparison": names[tally.pk],
            "rankings": tally.ranking_count,
            "agreement": tally.agreement,
            "status": statistics.word_of(tally).value,
        }


def _systems(project: Project) -> Rows:
    made = report.board(project).content
    for one in made.systems if made else ():
        yield {
            "system": one.name,
            "part": one.part + 1,
            "place": one.place,
            "first_place": one.first,
            "last_place": one.last,
            "strength": one.strength,
            "new_annotators": one.new_annotators,
            "whole_rankings": one.whole,
            "votes": one.comparison_count,
            "other_places": ", ".join(f"{rule} {place}" for rule, place in one.otherwise.items()) or None,
        }


def _scales(project: Project) -> Rows:
    made = report.gradings(project).content
    for one in made.scales if made else ():
        counts = {"scale": one.label, "grades": one.grade_count, "completions": one.completion_count}
        for name in ("ordinal", "interval", "single", "averaged"):
            yield counts | {"figure": name} | getattr(one, name)._asdict()


def _flags(project: Project) -> Rows:
    made = report.gradings(project).content
    for one in made.flags if made else ():
        for name in ("positive", "negative", "ac1", "alpha"):
            yield {"flag": one.label, "raised": one.raised_count, "figure": name} | getattr(one, name)._asdict()


def _win_rates(project: Project) -> Rows:
    for one in revived(list[WinRate], report.win_rates(project).content or []):
        yield {
            "source": one.source,
            "against": one.against,
            "rate": one.rate,
            "wins": one.wins,
            "ties": one.ties,
            "losses": one.losses,
        }


BOTH = {"same_annotators": "estimate", "new_annotators": "estimate"}
COUNTS = {"rankings": "whole", "annotators": "whole"}
EFFECT = {
    "name": "text",
    "agreement": "estimate",
    "shrunk": "estimate",
    "against": "estimate",
    "difference": "estimate",
}
EFFECT |= {"would_have_seen": "number"} | COUNTS
LEDGER = {"annotator": "text", "weight": "text", "effect": "estimate", "z": "number", "q": "number", "sentence": "text"}
TABLES: dict[str, tuple[dict[str, str], Callable[[Project], Rows]]] = {
    "headline": ({"figure": "text", "same_annotators": "estimate", "new_annotators": "estimate"}, _headline),
    "weeks": (
        {"week": "text", "monday": "text", "agreement": "estimate", "alpha": "estimate", "tie_rate": "number"} | COUNTS,
        _weeks,
    ),
    "annotators": (
        {
            "annotator": "text",
            "origin": "text",
            "is_paused": "yes",
            "verdict": "text",
            "reason": "text",
            "risk": "number",
            "rankings": "whole",
            "agreement": "estimate",
            "first_shown_rate": "estimate",
            "tie_rate": "estimate",
            "typical_seconds": "number",
        },
        _annotators,
    ),
    "pairs": (
        {"first": "text", "second": "text", "comparisons": "whole", "pairs": "whole", "equal_rankings": "whole"}
        | {"agreement": "estimate"},
        _pairs,
    ),
    "categories": (EFFECT, partial(_effects, name="categories")),
    "guidelines": (EFFECT, partial(_effects, name="guidelines")),
    "position": (LEDGER, partial(_ledger, detector=Detector.POSITION)),
    "length": (LEDGER, partial(_ledger, detector=Detector.LENGTH)),
    "labels": ({"figure": "text", "accuracy": "estimate"}, _labels),
    "comparisons": (
        {"comparison": "text", "rankings": "whole", "agreement": "number", "status": "text"},
        _comparisons,
    ),
    "systems": (
        {"system": "text", "part": "whole", "place": "whole", "first_place": "whole", "last_place": "whole"}
        | {"strength": "estimate", "new_annotators": "estimate", "whole_rankings": "number", "votes": "whole"}
        | {"other_places": "text"},
        _systems,
    ),
    "scales": (
        {"scale": "text", "figure": "text"} | BOTH | {"grades": "whole", "completions": "whole"},
        _scales,
    ),
    "flags": ({"flag": "text", "figure": "text"} | BOTH | {"raised": "whole"}, _flags),
    "grades": (
        {"comparison": "text", "completion": "text", "scale": "text", "grades": "whole", "mean": "number"}
        | {"consensus": "number", "error": "number"},
        completion_rows.grades,
    ),
    "flagged": (
        {"comparison": "text", "completion": "text", "flag": "text", "raised": "whole", "asked": "whole"}
        | {"chance": "number"},
        completion_rows.flagged,
    ),
    "win-rates": (
        {"source": "text", "against": "text", "rate": "estimate", "wins": "whole", "ties": "whole", "losses": "whole"},
        _win_rates,
    ),
}

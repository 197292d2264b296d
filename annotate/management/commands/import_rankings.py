"""manage.py import_rankings PROJECT FILE"""

from annotate.management.importing import ImportCommand


class Command(ImportCommand):
    kind = "rankings"
    help = "Import rankings and pairwise votes made elsewhere; all or nothing, errors by line."

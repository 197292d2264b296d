"""manage.py import_ranked PROJECT FILE --shape label-studio"""

from annotate.management.importing import ImportCommand


class Command(ImportCommand):
    kind = "ranked"
    help = "Import comparisons together with the rankings made on them; all or nothing, errors by line."

"""manage.py import_comparisons PROJECT FILE"""

from annotate.management.importing import ImportCommand


class Command(ImportCommand):
    kind = "comparisons"
    help = "Import comparisons into a project; all or nothing, errors by line."

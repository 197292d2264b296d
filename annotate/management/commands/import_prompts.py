"""manage.py import_prompts PROJECT FILE"""

from annotate.management.importing import ImportCommand


class Command(ImportCommand):
    kind = "prompts"
    help = "Import prompts into a project; all or nothing, errors by line."

"""The ideal outputs to prompts, written by people: the only writer of Demonstration."""

from collections.abc import Mapping

from annotate.models import Demonstration, Prompt


def store_imported(texts: Mapping[Prompt, str]) -> None:
    """Store demonstrations made elsewhere, one a prompt; one that a prompt has already with the same text is left."""
    there = Demonstration.objects.filter(prompt__in=[prompt.pk for prompt in texts], superseded_at__isnull=True)
    known = set(there.values_list("prompt_id", "text"))
    Demonstration.objects.bulk_create(
        Demonstration(prompt=prompt, text=text) for prompt, text in texts.items() if (prompt.pk, text) not in known
    )

"""The words of static/js in the page's language: `t("…")` there looks them up in a catalogue that the page brings."""

from django.utils.translation import get_language, gettext, gettext_noop

WORDS = (
    gettext_noop("Completion {label}"),
    gettext_noop("Nothing chosen yet"),
    gettext_noop("Nothing ranked yet"),
    gettext_noop("Nothing written yet"),
    gettext_noop("Rank another completion first: this one is compared with the best."),
    gettext_noop("These texts cannot be compared word by word: one is empty, or they are too long."),
    gettext_noop("They cannot be ranked"),
    gettext_noop("both are bad"),
    gettext_noop("not ranked"),
    gettext_noop("rank {rank}"),
    gettext_noop("rank {rank}, tied with {names}"),
    gettext_noop("{label} beside {best}: {added} words more, {lacking} words less."),
    gettext_noop("{left} of {count} left: {names}"),
    gettext_noop("{n} preference"),
    gettext_noop("{n} preferences"),
    gettext_noop("{n} tie"),
    gettext_noop("{n} ties"),
    gettext_noop("{n} word"),
    gettext_noop("{n} words"),
)


def catalogue() -> dict[str, str]:
    """Return the scripts' words by their English; empty for English, which needs none."""
    return {} if get_language() == "en" else {words: gettext(words) for words in WORDS}

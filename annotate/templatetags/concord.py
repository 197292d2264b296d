"""Filters and tags of the templates: numbers, times, fields and texts. They format; they never compute or query."""

import json
from collections.abc import Hashable
from datetime import datetime
from functools import lru_cache

from django import template
from django.conf import settings
from django.forms import BoundField, CheckboxInput
from django.template.loader import get_template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from annotate import rendering, sections
from annotate.quality.estimate import Estimate

NOTHING = "–"
BYTE_UNITS = ("bytes", "kB", "MB", "GB")

register = template.Library()


@register.filter
def percent(rate: float | None, digits: int = 1) -> str:
    """Return a rate of 0..1 as «72.4 %»; a dash for None."""
    return NOTHING if rate is None else f"{100 * rate:.{digits}f}\u202f%"


@register.filter
def decimals(value: float | None, digits: int = 3) -> str:
    """Return a number with fixed decimals; a dash for None."""
    return NOTHING if value is None else f"{value:.{digits}f}".replace("-", "\u2212")


@register.filter
def signed(value: float | None, kind: str = "percent") -> str:
    """Return a difference with its sign: «+1.2 points» of a rate, «−0.012» of a number; a dash for None."""
    if value is None:
        return NOTHING
    text = f"{100 * value:+.1f}\u202fpoints" if kind == "percent" else f"{value:+.3f}"
    return text.replace("-", "\u2212")


@register.filter
def unsigned(value: float | None, kind: str = "percent") -> str:
    """Return the size of a difference: «1.2 points» of a rate, «0.012» of a number."""
    return signed(value, kind).lstrip("+\u2212")


@register.filter
def number(count: int | None) -> str:
    """Return a count with its thousands apart: 12 345; a dash for None."""
    return NOTHING if count is None else f"{count:,}".replace(",", "\u202f").replace("-", "\u2212")


@register.filter
def compact(value: float | None, digits: int = 6) -> str:
    """Return any number in at most so many significant digits: 5e-06, 0.25, 1200."""
    return NOTHING if value is None else f"{value:.{digits}g}"


@register.filter
def bytes_size(size: int | None) -> str:
    """Return a file's size: «270.4 MB»."""
    if size is None:
        return NOTHING
    power = max(n for n in range(len(BYTE_UNITS)) if size >= 1000**n or n == 0)
    return f"{size}\u202fbytes" if power == 0 else f"{size / 1000**power:.1f}\u202f{BYTE_UNITS[power]}"


@register.filter
def duration(seconds: float | None) -> str:
    """Return a length of time in its two largest units: «1 h 20 min», «3 min 5 s», «0.4 s»."""
    if seconds is None:
        return NOTHING
    if seconds < 10:
        return f"{seconds:.1f}\u202f{_('s')}"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, _("d")), (hours, _("h")), (minutes, _("min")), (rest, _("s"))]
    first = next(at for at, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count}\u202f{unit}" for count, unit in parts[first : first + 2] if count)


@register.filter
def spaced(name: str) -> str:
    """Return a name as words: «straight-lining» stays one, «knows-gold» becomes «knows gold»."""
    return name.replace("-", " ")


@register.filter
def as_json(value: object) -> str:
    """Return a value as JSON, for a data- attribute."""
    return json.dumps(value, ensure_ascii=False)


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """Return a time as «3 min ago», with the exact time on hovering; a dash for None."""
    if moment is None:
        return NOTHING
    exact = timezone.localtime(moment)
    words = _ago((timezone.now() - moment).total_seconds())
    html = '<time datetime="{}" title="{}">{}</time>'
    return format_html(html, exact.isoformat(), f"{exact:%Y-%m-%d %H:%M:%S %Z}", words)


@register.filter
def markdown(source: str) -> SafeString:
    """Return a prompt's or completion's text as safe HTML; put it in an element of class `text` with dir="auto"."""
    return rendering.text(source)


@register.filter
def source(text: str) -> SafeString | None:
    """Return a text as it was written, for _source.html; None where it would look the same."""
    return rendering.source(text)


@register.filter
def guidelines(source: str) -> SafeString:
    """Return guidelines as safe HTML; put it in an element of class `text` with dir="auto"."""
    return sections.anchored(rendering.guidelines(source))


@register.filter
def unanchored_guidelines(source: str) -> SafeString:
    """Return guidelines as safe HTML without ids: for a page that shows several versions."""
    return rendering.guidelines(source)


@register.filter
def section_anchor(title: str) -> str:
    """Return the id of a section of the guidelines, for a link to it: #{{ flag.section|section_anchor }}."""
    return sections.anchor_of(title)


@register.filter
def prompt_messages(messages: list[dict[str, str]]) -> list[rendering.ShownMessage]:
    """Return a prompt's messages rendered, for _conversation.html."""
    return rendering.messages(messages)


@register.simple_tag
def fixed(template_name: str, **values: Hashable) -> SafeString:
    """Show a part of a page that depends on nothing but these values: rendered once for each of them and language.

    It knows neither the request nor the account, and the page's own variables only as they are given.
    """
    render = _rendered.__wrapped__ if settings.DEBUG else _rendered
    return render(template_name, get_language(), **values)


@register.inclusion_tag("_field.html")
def field(bound: BoundField) -> dict[str, object]:
    """Show a form's field with label, control, help and errors tied together for screen readers."""
    return {"field": bound, "is_check": isinstance(bound.field.widget, CheckboxInput)}


@register.inclusion_tag("staff/_explain.html")
def explain(title: str) -> dict[str, str]:
    """Link to the section of docs/quality.md with this title; a test holds us to titles that exist."""
    return {"title": title, "anchor": sections.anchor_of(title)}


@register.inclusion_tag("_estimate.html")
def estimate(measured: Estimate, kind: str = "percent") -> dict[str, object]:
    """Show a measured value with its interval, or the reason why there is none; kind: "percent" or "number"."""
    return {"estimate": measured, "is_percent": kind == "percent"}


@lru_cache(maxsize=1024)
def _rendered(template_name: str, _language: str | None, **values: Hashable) -> SafeString:
    return get_template(template_name).render(values)


def _ago(seconds: float) -> str:
    if abs(seconds) < 10:
        return _("just now")
    past, future = _("{time} ago"), _("in {time}")
    return past.format(time=duration(seconds)) if seconds > 0 else future.format(time=duration(-seconds))

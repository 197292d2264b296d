"""Numbers, times and fields as pages show them."""

from datetime import timedelta

import pytest
from django import forms
from django.template import Context, Template
from django.utils import timezone

from annotate.quality.estimate import Estimate, undefined
from annotate.templatetags import concord


def shown(template, **context):
    return Template("{% load concord %}" + template).render(Context(context))


@pytest.mark.parametrize(
    ("filtered", "words"),
    [
        (concord.percent(0.7241), "72.4\u202f%"),
        (concord.percent(0.7241, 0), "72\u202f%"),
        (concord.percent(None), "–"),
        (concord.decimals(-0.12345), "\u22120.123"),
        (concord.decimals(None), "–"),
        (concord.number(1234567), "1\u202f234\u202f567"),
        (concord.number(0), "0"),
        (concord.compact(5e-6), "5e-06"),
        (concord.compact(1200.0), "1200"),
        (concord.bytes_size(999), "999\u202fbytes"),
        (concord.bytes_size(270_400_000), "270.4\u202fMB"),
        (concord.bytes_size(5_000_000_000_000), "5000.0\u202fGB"),
        (concord.duration(0.42), "0.4\u202fs"),
        (concord.duration(9.99), "10.0\u202fs"),
        (concord.duration(59.7), "1\u202fmin"),
        (concord.duration(185), "3\u202fmin 5\u202fs"),
        (concord.duration(4800), "1\u202fh 20\u202fmin"),
        (concord.duration(90_000), "1\u202fd 1\u202fh"),
        (concord.duration(None), "–"),
        (concord.ago(None), "–"),
    ],
)
def test_numbers_in_words(filtered, words):
    assert filtered == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(3, "just now"), (185, "3\u202fmin 5\u202fs ago"), (-1805, "in 30\u202fmin")]
)
def test_times_are_told_from_now(seconds, words):
    html = concord.ago(timezone.now() - timedelta(seconds=seconds))

    assert html.startswith("<time datetime=")
    assert words in html


def test_an_estimate_is_shown_with_its_interval():
    html = shown("{% estimate measured %}", measured=Estimate(0.724, n=312, low=0.68, high=0.77))

    assert "72.4\u202f%" in html
    assert "[68.0\u202f% – 77.0\u202f%]" in html


def test_an_estimate_may_be_shown_as_a_number():
    assert "0.412" in shown("{% estimate measured 'number' %}", measured=Estimate(0.412, n=3))


def test_an_estimate_without_value_gives_its_reason():
    assert "two annotators" in shown("{% estimate measured %}", measured=undefined("Needs two annotators.", n=1))


class ExampleForm(forms.Form):
    name = forms.CharField(help_text="As on the door.")
    agreed = forms.BooleanField()
    size = forms.ChoiceField(choices=[("s", "small"), ("l", "large")], widget=forms.RadioSelect)


def test_a_field_ties_its_help_and_errors_to_its_control():
    form = ExampleForm({})

    html = shown("{% field form.name %}", form=form)

    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'id="id_name_helptext"' in html
    assert 'id="id_name_error"' in html
    assert 'aria-invalid="true"' in html
    assert '<label for="id_name">' in html


def test_a_checkbox_stands_before_its_label():
    html = shown("{% field form.agreed %}", form=ExampleForm())

    assert html.index("<input") < html.index("<label")


def test_radio_buttons_stand_in_a_fieldset():
    html = shown("{% field form.size %}", form=ExampleForm())

    assert "<fieldset" in html
    assert "<legend>Size" in html

"""The forms of training. A stage's form derives from its config: a field is written once, in rlhf.contract.config."""

import dataclasses

from django import forms
from django.conf import settings

from annotate.models import Project
from annotate.preferences import POST, VOTES
from rlhf import preflight, snapshots
from rlhf.contract import config as configs
from rlhf.contract import profiles
from rlhf.contract.config import ConfigError
from rlhf.models import Checkpoint, Corpus, Snapshot
from rlhf.preflight import RunOrder
from rlhf.search import MOST_RUNS
from rlhf.sweeps import MEASURES

INPUTS = {
    "snapshot": ("Snapshot", "The prompts, demonstrations and preferences it reads."),
    "corpus": ("Corpus", "The plain text it reads."),
    "base": ("Model", "What it starts from, samples or evaluates."),
    "reward_model": ("Reward model", "What scores the completions; it must share the model's tokenizer."),
    "watcher": (
        "Watching reward model",
        "Learned from the other half of the comparisons; its score is shown beside, and an alarm says when they part.",
    ),
    "baseline": ("Baseline", "A second model, shown beside the first without its name."),
}
HOW_IT_SHARES = (
    "Several share a step. Each holds the whole model, or shards of it; but for PPO, batch size is that of each. "
    "In shards an interrupted run begins anew."
)
ACRONYMS = {"eos": "EOS", "gae": "GAE", "kl": "KL", "lm": "LM", "lora": "LoRA", "p": "p"}
NUMBERS = {int: forms.IntegerField, float: forms.FloatField}


class FreezeForm(forms.Form):
    """How much of a project a snapshot holds out."""

    test_rate = forms.FloatField(
        label="Held out",
        initial=snapshots.TEST_RATE,
        min_value=0.05,
        max_value=0.95,
        widget=forms.NumberInput(attrs={"step": "0.05"}),
        help_text="Share of prompts kept from training to measure on, chosen by a hash of the prompt's text.",
    )
    label = forms.ChoiceField(
        label="Labels rest on",
        choices=[(VOTES, "the votes"), (POST, "the votes and which model wrote what")],
        initial=VOTES,
        required=False,
        help_text="The second is sharper, and not for comparing models: each would be judged by its name.",
    )

    def clean_label(self) -> str:
        """The votes, where nothing is said."""
        return self.cleaned_data["label"] or VOTES


class SignForm(forms.Form):
    """Why a snapshot may be learned from in spite of what its gate found."""

    reason = forms.CharField(
        label="Why it may be learned from all the same",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
        help_text="Your name and this stand with the snapshot and in the audit log.",
        error_messages={"required": "Say why: it stays on record."},
    )


class _SnapshotField(forms.ModelChoiceField):
    def label_from_instance(self, snapshot: Snapshot) -> str:
        counts = snapshot.counts
        return f"{snapshot}: {counts['prompts']} prompts, {counts['pairs_train']} training pairs"


class _CorpusField(forms.ModelChoiceField):
    def label_from_instance(self, corpus: Corpus) -> str:
        return f"{corpus.name}: {corpus.counts['documents']} documents"


class _CheckpointField(forms.ModelChoiceField):
    def label_from_instance(self, checkpoint: Checkpoint) -> str:
        return f"{checkpoint.name} – {checkpoint.get_kind_display()}, checkpoint {checkpoint.pk}"


FIELDS = {"snapshot": _SnapshotField, "corpus": _CorpusField}


class RunForm(forms.Form):
    """Inputs and config of a run. A valid form has an `order` that runs.create takes."""

    def __init__(self, *args: object, project: Project, stage: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.project, self.stage = project, stage
        self.order: RunOrder | None = None
        self.config_fields = dataclasses.fields(configs.STAGES[stage])
        for name, field in _inputs(project, stage).items():
            self.fields[name] = field
        for one in self.config_fields:
            self.fields[one.name] = _form_field(one)
        self.fields |= _place_fields(stage)
        if stage in MEASURES:
            self.fields |= _sweep_fields()

    @property
    def sweep(self) -> list[forms.BoundField]:
        """The fields of a sweep, for the page; none where the stage measures nothing to choose by."""
        return [self[name] for name in ("search", "draws") if name in self.fields]

    @property
    def place(self) -> list[forms.BoundField]:
        """The fields of where it runs, for the page; none where there is nothing to choose."""
        return [self[name] for name in ("profile", "queue") if name in self.fields]

    @property
    def inputs(self) -> list[forms.BoundField]:
        """The fields of snapshot and models, for the page."""
        return [self[name] for name in INPUTS if name in self.fields]

    @property
    def options(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The fields of the config under their headings, for the page."""
        found: dict[str, list[forms.BoundField]] = {}
        for one in sorted(self.config_fields, key=lambda one: one.name == "seed"):  # what all stages have comes last
            found.setdefault(one.metadata["group"], []).append(self[one.name])
        return list(found.items())

    def clean(self) -> dict[str, object]:
        """Build the order: the config's own checks, then those of preflight, each beside its field."""
        if self.errors:
            return self.cleaned_data
        chosen = {name: self.cleaned_data.get(name) for name in INPUTS}
        try:
            config = configs.parse(self.stage, {one.name: self.cleaned_data[one.name] for one in self.config_fields})
        except ConfigError as problem:
            self._refuse(problem.errors)
            return self.cleaned_data
        where = {name: self.cleaned_data[name] for name in ("profile", "queue") if name in self.fields}
        order = RunOrder(self.project, self.stage, config, **chosen, **where)
        self._refuse(preflight.problems(order))
        self.order = None if self.errors else order
        return self.cleaned_data

    def _refuse(self, problems: dict[str, str]) -> None:
        for name, message in problems.items():
            self.add_error(name if name in self.fields else None, message[:1].upper() + message[1:])


def _inputs(project: Project, stage: str) -> dict[str, forms.ModelChoiceField]:
    """Return the input fields that a stage has, each set to the likeliest choice."""
    found = preflight.candidates(project, stage)
    fields = {}
    for name in (name for name in INPUTS if name in preflight.takes(stage)):
        label, help_text = INPUTS[name]
        required, choices = name in configs.REQUIRED[stage], getattr(found, name)
        fields[name] = FIELDS.get(name, _CheckpointField)(
            choices,
            label=label,
            help_text=help_text,
            required=required,
            initial=choices.first() if required else None,
            empty_label=None if required and choices.exists() else "none",
        )
    return fields


def _place_fields(stage: str) -> dict[str, forms.Field]:
    """Return the fields of where a stage runs that leave a choice."""
    fields: dict[str, forms.Field] = {}
    if len(launches := profiles.names(stage, given=preflight.given_settings())) > 1:
        fields["profile"] = forms.ChoiceField(
            choices=[(name, profiles.PROFILES[name].label) for name in launches],
            initial=profiles.ONE,
            label="Processes",
            help_text=HOW_IT_SHARES if stage in profiles.IN_SEVERAL else "",
        )
    if len(settings.RUN_QUEUES) > 1:
        fields["queue"] = forms.ChoiceField(
            choices=[(name, name) for name in settings.RUN_QUEUES],
            initial=settings.RUN_QUEUES[0],
            label="Queue",
            help_text="Which workers may take it.",
        )
    return fields


def _sweep_fields() -> dict[str, forms.Field]:
    """Return the fields of a sweep; empty, they leave a single run."""
    return {
        "search": forms.CharField(
            label="Try",
            required=False,
            max_length=4000,
            widget=forms.Textarea(attrs={"rows": 3, "placeholder": "learning_rate: 1e-4, 3e-4, 1e-3"}),
            help_text="A field a line: «field: value, value», or a span to draw from, «field: 0.01 .. 0.3 log». The "
            "names are those of the API: learning_rate, kl_coef, seed. Each setting becomes a run.",
        ),
        "draws": forms.IntegerField(
            label="Draw",
            required=False,
            min_value=1,
            max_value=MOST_RUNS,
            help_text=f"So many settings at random, at most {MOST_RUNS}; empty takes every combination.",
        ),
    }


def _form_field(one: "dataclasses.Field[int | float | bool | str]") -> forms.Field:
    """Return the form field of a config field, with its default, help and bounds."""
    bounds = one.metadata
    first, *rest = [ACRONYMS.get(word, word) for word in one.name.split("_")]
    label = " ".join([first[:1].upper() + first[1:], *rest])
    common = {"label": label, "initial": one.default, "help_text": bounds["help"]}
    kind = configs.type_of(one)
    if kind is bool:
        return forms.BooleanField(required=False, **common)
    if bounds["choices"]:
        return forms.ChoiceField(choices=[(choice, choice) for choice in bounds["choices"]], **common)
    if kind is str:
        return forms.CharField(**common)
    widget = forms.NumberInput(attrs={"step": "any" if kind is float else "1"})
    return NUMBERS[kind](widget=widget, min_value=bounds["minimum"], max_value=bounds["maximum"], **common)

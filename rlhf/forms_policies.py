"""The forms of the policy page: who judges, and which policies go to the annotators."""

from django import forms

from annotate.models import Project
from rlhf.models import Checkpoint, Snapshot


class JudgeForm(forms.Form):
    """The reward model whose figures are shown, or that is to evaluate."""

    judge = forms.ModelChoiceField(Checkpoint.objects.none(), label="Judge", empty_label=None)

    def __init__(self, *args: object, project: Project, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        field: forms.ModelChoiceField = self.fields["judge"]
        field.queryset = Checkpoint.objects.filter(project=project, kind=Checkpoint.Kind.REWARD)
        field.label_from_instance = lambda one: f"{one.name}, checkpoint {one.pk}"


class CompareForm(forms.Form):
    """The policies that people shall compare, blind."""

    policies = forms.ModelMultipleChoiceField(
        Checkpoint.objects.none(), error_messages={"required": "Tick the policies that people shall compare."}
    )
    max_prompts = forms.IntegerField(
        label="Held-out prompts",
        initial=50,
        min_value=1,
        max_value=10_000,
        help_text="So many comparisons for each pair of models.",
    )

    def __init__(self, *args: object, project: Project, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["policies"].queryset = Checkpoint.objects.filter(project=project, kind=Checkpoint.Kind.POLICY)


def newest_snapshot(project: Project) -> Snapshot | None:
    """Return what evaluations and comparisons take their held-out prompts from."""
    return Snapshot.objects.filter(project=project).first()

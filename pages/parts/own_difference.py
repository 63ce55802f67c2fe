"""What distinguishes a network of one's own from the trial that it came from, which the address still names."""

from __future__ import annotations

import streamlit as st

from hpo_core.layer_difference import setting_differences
from hpo_core.layer_plan import LayerPlan
from hpo_core.parameters import PARAMETERS
from pages.parts import architecture_difference, architecture_source, formats, shared, study_choice, trial_choice

OWN = "your network"
# More settings than these are counted, so that the line stays one.
NAMED = 2


def draw(plan: LayerPlan) -> None:
    """Draw it folded, with its settings in the line; nothing where the address names no trial of the same kind."""
    study, asked = (st.query_params.get(name, "") for name in (study_choice.PARAMETER, trial_choice.PARAMETER))
    trial = trial_choice.find(study, asked) if shared.studies().exists(study) else None
    other = architecture_source.plan_of(trial, shared.studies().attributes(study)) if trial is not None else None
    if trial is None or other is None or other.config.architecture is not plan.config.architecture:
        return
    with st.expander(f"Difference to Trial {trial.number}: {in_short(other, plan)}", key="own_difference"):
        architecture_difference.draw((f"Trial {trial.number}", other), (OWN, plan))


def in_short(one: LayerPlan, other: LayerPlan) -> str:
    """The settings that differ from one network to the other as Markdown, such as 'Filters 16 → 24'."""
    found = setting_differences(one, other)
    said = [
        formats.as_markdown(f"{PARAMETERS[name].title} {formats.value(left)} → {formats.value(right)}")
        for name, left, right in found[:NAMED]
    ]
    more = [f"{formats.plural(len(found) - NAMED, 'other setting')}"] if len(found) > NAMED else []
    return ", ".join([*said, *more]) or "none"

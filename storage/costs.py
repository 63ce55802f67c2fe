"""What each trial cost, beside what else is known of it."""

from __future__ import annotations

import json

from sqlalchemy import and_, insert, select, update

from storage.database import Database
from storage.jobs import Jobs
from storage.tables import studies, trial_attributes, trials

# Attribute of a trial, in dollars.
COST = "cost"
COST_DIGITS = 6


def complete_costs(database: Database, run_name: str) -> bool:
    """Make the cost of each trial of a run that of all its jobs; whether one was something else before.

    A job that is cancelled with its trial is paid for until it has ended, which is later. Optuna changes nothing of a
    trial that is over, so this goes past it.
    """
    costs = {
        trial: json.dumps(round(dollars, COST_DIGITS)) for trial, dollars in Jobs(database).costs(run_name).items()
    }
    told = and_(trial_attributes.c.trial_id == trials.c.trial_id, trial_attributes.c.key == COST)
    query = (
        select(trials.c.number, trials.c.trial_id, trial_attributes.c.value_json)
        .select_from(trials.join(studies, trials.c.study_id == studies.c.study_id).outerjoin(trial_attributes, told))
        .where(studies.c.study_name == run_name)
    )
    with database.read() as connection:
        rows = connection.execute(query).all() if costs else []
    wrong = [
        (trial_id, before, costs[number]) for number, trial_id, before in rows if costs.get(number, before) != before
    ]
    if not wrong:
        return False
    with database.write() as connection:
        for trial_id, before, cost in wrong:
            own = and_(trial_attributes.c.trial_id == trial_id, trial_attributes.c.key == COST)
            if before is None:
                connection.execute(insert(trial_attributes).values(trial_id=trial_id, key=COST, value_json=cost))
            else:
                connection.execute(update(trial_attributes).where(own).values(value_json=cost))
    return True

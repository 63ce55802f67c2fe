"""Tables of the database: our own, and the columns of Optuna's that are read set by set.

Ours are keyed by study name and trial number, without a foreign key into Optuna's, so that either side may be deleted
or migrated alone.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, DateTime, Enum, Float, Integer, MetaData, String, Table, Text, column, table

OURS = MetaData()

runs = Table(
    "onegin_runs",
    OURS,
    Column("run_name", String(80), primary_key=True),  # the study has the same name
    Column("owner", String(120), nullable=False),  # host:process of the runner
    Column("state", String(16), nullable=False),
    Column("message", Text, nullable=False, default=""),
    Column("trials", Integer, nullable=False),  # how many the run shall make
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("created_at", Float, nullable=False),  # seconds since the epoch, UTC, by the runner's clock
    Column("started_at", Float),
    Column("ended_at", Float),
    Column("heartbeat_at", Float, nullable=False),
    Column("began_at", Float),  # later than started_at where the run was resumed
)

# Trials of a run that somebody asked to stop, each alone.
stops = Table(
    "onegin_stops",
    OURS,
    Column("run_name", String(80), primary_key=True),
    Column("trial", Integer, primary_key=True),
)

progress = Table(
    "onegin_progress",
    OURS,
    Column("run_name", String(80), primary_key=True),
    Column("trial", Integer, primary_key=True),
    Column("phase", String(60), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("epochs", Integer, nullable=False),
    Column("share", Float, nullable=False),  # of the epoch, 0 to 1
    Column("loss", Float),
    Column("accuracy", Float),
    Column("validation_accuracy", Float),
    Column("memory_mb", Float),
    Column("processor_percent", Float),  # of one core
    Column("batch", Integer),  # of the epoch, 1-based
    Column("batches", Integer),
    Column("process", Integer),
    Column("summary", String(120), nullable=False, default=""),
    Column("started_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
)

live = Table(
    "onegin_live",
    OURS,
    Column("run_name", String(80), primary_key=True),
    Column("trial", Integer, primary_key=True),
    Column("history", Text, nullable=False),  # JSON of the running trial's history so far
)

# What people want to be told although they do not look.
notices = Table(
    "onegin_notices",
    OURS,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_name", String(80), nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Float, nullable=False),  # seconds since the epoch
    sqlite_autoincrement=True,  # else the number of a deleted notice would be used again, and pages would miss it
)

jobs = Table(
    "onegin_jobs",
    OURS,
    Column("job_id", String(120), primary_key=True),  # as the platform calls it
    Column("run_name", String(80), nullable=False, index=True),
    Column("trial", Integer),  # None for the final model
    Column("endpoint", String(200), nullable=False),  # address of the service and id of the endpoint
    Column("state", String(16), nullable=False),  # the platform's word, or LOST
    Column("worker", String(120)),
    Column("submitted_at", Float, nullable=False),  # seconds since the epoch, UTC
    Column("ended_at", Float),
    Column("delay_s", Float),  # in the queue
    Column("execution_s", Float),  # on a worker, which is what is paid
    Column("cost", Float),  # dollars; for a lost job the most it can cost
    Column("error", Text, nullable=False, default=""),
)

# Optuna's tables, as far as they are read here (schema of version 5). Its enumerations are read as words; they are
# declared as what they are because PostgreSQL does not compare one with text.
_direction = Enum("NOT_SET", "MINIMIZE", "MAXIMIZE", name="studydirection")
_state = Enum("RUNNING", "COMPLETE", "PRUNED", "FAIL", "WAITING", name="trialstate")
_value_type = Enum("FINITE", "INF_POS", "INF_NEG", name="trialvaluetype")
_intermediate_value_type = Enum("FINITE", "INF_POS", "INF_NEG", "NAN", name="trialintermediatevaluetype")
studies = table("studies", column("study_id", Integer), column("study_name", String))
study_directions = table(
    "study_directions", column("study_id", Integer), column("objective", Integer), column("direction", _direction)
)
study_attributes = table(
    "study_user_attributes", column("study_id", Integer), column("key", String), column("value_json", Text)
)
trials = table(
    "trials",
    column("trial_id", Integer),
    column("number", Integer),
    column("study_id", Integer),
    column("state", _state),
    column("datetime_start", DateTime),
    column("datetime_complete", DateTime),
)
trial_values = table(
    "trial_values",
    column("trial_id", Integer),
    column("objective", Integer),
    column("value", Float),
    column("value_type", _value_type),
)
trial_params = table(
    "trial_params",
    column("param_id", Integer),
    column("trial_id", Integer),
    column("param_name", String),
    column("param_value", Float),
    column("distribution_json", Text),
)
trial_attributes = table(
    "trial_user_attributes", column("trial_id", Integer), column("key", String), column("value_json", Text)
)
trial_system_attributes = table(
    "trial_system_attributes",
    column("trial_system_attribute_id", Integer),
    column("trial_id", Integer),
    column("key", String),
    column("value_json", Text),
)
study_system_attributes = table(
    "study_system_attributes", column("study_id", Integer), column("key", String), column("value_json", Text)
)
intermediate_values = table(
    "trial_intermediate_values",
    column("trial_id", Integer),
    column("step", Integer),
    column("intermediate_value", Float),
    column("intermediate_value_type", _intermediate_value_type),
)
trial_heartbeats = table("trial_heartbeats", column("trial_id", Integer))

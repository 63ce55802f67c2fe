"""The one door to the database: Optuna's studies and our own tables beside them."""

"""What a study's trials say, in numbers and in one sentence each: arithmetic over Optuna's trials, nothing is drawn."""

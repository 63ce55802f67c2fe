"""The commands of `python -m hpo_core`, one module per family; each returns the process's exit code."""

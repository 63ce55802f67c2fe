"""Exit codes of the command line; scripts depend on them."""

FINISHED, FAILED, USAGE, CANCELLED = 0, 1, 2, 3

"""The search itself: what is searched, how a run is configured, how its trials are trained and judged.

Importing this package loads neither Optuna nor TensorFlow; its modules load what they need.
"""

VERSION = "0.4.0"

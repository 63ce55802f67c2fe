"""The parts of the Analysis page: what charts there are, what they read, and how they are drawn."""

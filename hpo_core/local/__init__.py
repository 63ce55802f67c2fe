"""The parent's side of training on this machine: child processes, kept warm and re-used."""

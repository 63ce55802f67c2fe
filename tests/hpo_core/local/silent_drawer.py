"""A drawing process that says where it is and then draws for ever."""

import os
import time

from hpo_core.records import Phase, to_json

if __name__ == "__main__":
    print(to_json(Phase(name=f"process {os.getpid()}")), flush=True)
    time.sleep(60)

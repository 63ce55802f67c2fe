"""A training process that writes half a record and then hangs."""

import time

if __name__ == "__main__":
    print('{"kind": "star', flush=True)
    time.sleep(60)

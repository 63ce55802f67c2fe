"""A program that says something else than what it was to say, and does not end by itself."""

import time

if __name__ == "__main__":
    print("Hello", flush=True)
    time.sleep(3600)

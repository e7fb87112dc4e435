"""``python -m bench.faults``."""

from bench.faults.main import main

if __name__ == "__main__":
    main()

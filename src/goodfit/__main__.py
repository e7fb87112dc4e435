"""Run the command line: ``python -m goodfit``."""

from .cli import main

if __name__ == "__main__":
    main()

"""Runs the command line: `python -m cmp_relay_cli`."""

from cmp_relay_cli.app import main

if __name__ == "__main__":
    main()

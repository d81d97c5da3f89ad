"""`python -m brokerage` is the command line."""

from brokerage.cli import main

main()

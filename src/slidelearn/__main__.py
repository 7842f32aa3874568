"""``python -m slidelearn``: the command line."""

from slidelearn.cli import main

main()

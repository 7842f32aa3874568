"""``slidelearn`` and ``python -m slidelearn``: the command line."""

import signal


def main() -> None:
    """Run the command line; before it knows how to end on Ctrl-C, that ends the process without a word."""
    heard = signal.getsignal(signal.SIGINT)
    if heard is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from slidelearn.cli import main as run

    if heard is signal.default_int_handler:
        signal.signal(signal.SIGINT, heard)
    run()


if __name__ == "__main__":
    main()

"""The door of the command line: until the commands are loaded, Ctrl-C and SIGTERM just end the process."""

import signal


def main() -> None:
    """Run ``vfxage`` (see ``cli``)."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    from vfxage.process import open_closed_streams, use_utf8

    use_utf8()
    open_closed_streams()
    from vfxage.cli import main as run

    run()


if __name__ == "__main__":
    main()

"""`whence-train`, and `python -m whence_training`: says what to install where that is missing."""

import sys

from whence_indexer import extras


def run() -> None:
    """The command, once its libraries are there."""
    try:
        from whence_training.cli import main
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("whence"):
            raise
        sys.exit(f"whence-train needs {error.name}: {extras.command('training', 'model')}")
    main()


if __name__ == "__main__":
    run()

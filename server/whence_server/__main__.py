"""`python -m whence_server` is `whence`."""

from whence_server.cli import main

main()

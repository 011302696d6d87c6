"""`python -m whence_server`: the same as `whence`, and importing nothing from the working directory either."""

import os
import sys

if not sys.flags.safe_path and sys.path and os.path.realpath(sys.path[0]) == os.getcwd():
    del sys.path[0]  # which may be a repository: its files must not run because somebody asks about it

from whence_server.cli import main

main()

"""`python -m tests.benchmarks.extension`: what the VS Code extension weighs, and how fast it was in the real editor.

Takes what `make e2e` left: the package, the times of its journeys, and, of the same names, those of an extension that
does nothing: the *floor*, which no extension is below. Of several runs the best of each time is taken:
other work on the machine only adds to it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.markdown import measured, write_section
from tests.benchmarks.speed import Measure, judged

_BARS = {"activation": 50.0, "panel painted": 1000.0, "first text": 1000.0}  # milliseconds
_DIST = Path(__file__).resolve().parents[2] / "extension" / "dist"


def main() -> None:
    """Read, print, and write where asked."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.extension", description=__doc__)
    parser.add_argument("took", type=Path, nargs="+", metavar="took.json", help="of each run")
    parser.add_argument("--floor", type=Path, nargs="+", default=[], metavar="took.json", help="the same of nothing")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the table into this page")
    options = parser.parse_args()
    runs, floors = ([json.loads(file.read_text("utf-8")) for file in files] for files in (options.took, options.floor))
    report = f"{measured()} The best of {len(runs)}.\n\n{judged([*_times(runs, floors), _activation(), *_sizes()])}"
    print(report)
    if options.write:
        write_section(options.write, "extension", report)


def _times(runs: list[dict[str, float]], floors: list[dict[str, float]]) -> Iterator[Measure]:
    for what in runs[0]:
        if what == "requests to other hosts":
            yield Measure(what, float(max(run[what] for run in runs)), "", 0.0)
            continue
        bar, best = _BARS.get(what), min(run[what] for run in runs)
        yield Measure(what, best, "ms", bar)
        if floors and what in floors[0]:
            yield Measure(f"{what}: an empty extension", min(run[what] for run in floors), "ms")


def _activation() -> Measure:
    """The same activation without an editor around it: of the clock it takes what others do meanwhile, too."""
    command = ["node", str(Path(__file__).with_name("activation.cjs")), str(_DIST / "extension.js")]
    taken = [float(subprocess.run(command, capture_output=True, check=True, text=True).stdout) for _ in range(5)]
    return Measure("activation: processor time, outside the editor", min(taken), "ms", _BARS["activation"])


def _sizes() -> Iterator[Measure]:
    bundles = sum((_DIST / name).stat().st_size for name in ("extension.js", "languageClient.js"))
    yield Measure("bundles of the extension", bundles / 1000, "kB", 500.0)
    yield Measure("VSIX, the server's wheel in it", (_DIST / "whence.vsix").stat().st_size / 1e6, "MB", 5.0)


if __name__ == "__main__":
    main()

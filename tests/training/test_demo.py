"""What the demonstration prints, and that its configuration is one."""

from __future__ import annotations

from dataclasses import asdict

import pytest

pytest.importorskip("datasketch")

from whence_training.demo import Size, config_of, table
from whence_training.evaluation.report import Comparison, Difference, Discordant


def test_the_table_tells_worse_as_well_as_better_and_what_is_chance():
    found = {"accuracy": Difference(0.5, 0.4, -0.2, -0.05, 40), "token_f1": Difference(0.5, 0.6, -0.1, 0.3, 40)}
    found |= {"coverage": Difference(0.5, 0.6, None, None, 8)}
    lines = table(asdict(Comparison("base", "tuned", 40, found, Discordant(5, 1, 0.2), {}))).splitlines()
    assert lines[1].startswith("40 questions that nothing was learnt from")
    assert lines[-1].endswith("+0.100 (too few to tell)")
    assert lines[-3].split() == "accuracy 0.500 0.400 -0.100 (-0.200 to -0.050) beyond chance".split()
    assert lines[-2].split() == "token_f1 0.500 0.600 +0.100 (-0.100 to +0.300)".split()


def test_a_refused_model_is_shown_only_where_that_is_asked(tmp_path):
    config = config_of("shop", "reader@1.0", tmp_path, False, Size(questions=3, steps=4))
    assert (config.registration.anyway, config.evaluation.most, config.finetuning.max_steps) == (False, 3, 4)
    assert config_of("shop", "reader@1.0", tmp_path, True, Size()).registration.anyway

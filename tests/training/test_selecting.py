"""Which settings, which checkpoint, and what went wrong: chosen by what was measured, the same each time."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("pydantic")
pytest.importorskip("rouge_score")

from whence_training.config import Finetuning, Search
from whence_training.evaluation.report import Prediction, Report
from whence_training.finetuning.checkpoints import Checkpoint
from whence_training.finetuning.folds import fold_count, folds
from whence_training.finetuning.risks import forgetting, overfitting, regression, too_large, weaknesses
from whence_training.finetuning.searching import drawn, search, sensitivity
from whence_training.finetuning.selecting import best, standing
from whence_training.qa.record import Record

WEIGHTS = {"bertscore_f1": 0.4, "rougeL": 0.3, "token_f1": 0.3}


def record(number, group=None, category="code"):
    asked = f"What is {number}?"
    return Record(category, "what", "easy", asked, "It.", (), (), "rules:what", group or f"file-{number}")


def report(name, records, scores):
    predictions = tuple(
        Prediction(each.id, each.question, "It.", "It.", (), False, True, 1.0, 0.1, {"rougeL": s, "token_f1": s}, {})
        for each, s in zip(records, scores, strict=True)
    )
    return Report(name, "data", len(records), {"accuracy": 1.0}, None, (), {}, {}, {}, predictions)


@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["code", "docs"])), min_size=1, max_size=60), st.data())
def test_no_origin_is_in_two_parts_and_every_record_is_in_one(made, data):
    records = [record(place, f"{category}-{group}", category) for place, (group, category) in enumerate(made)]
    count = data.draw(st.integers(1, len({each.group for each in records})))
    parts = folds(records, count, 42)
    assert sorted(place for part in parts for place in part) == list(range(len(records)))
    assert len(parts) == count
    where = {(records[place].group, number) for number, part in enumerate(parts) for place in part}
    assert len(where) == len({each.group for each in records})


def test_parts_hold_each_category_alike_and_few_records_are_left_out_one_by_one():
    records = [record(n, category="code" if n % 4 else "docs") for n in range(80)]
    shares = [sum(records[place].category == "docs" for place in part) for part in folds(records, 5, 1)]
    assert max(shares) - min(shares) <= 1
    assert [fold_count(told, records[:8]) for told in ("auto", "loo", 5, 20)] == [8, 8, 5, 8]
    assert (fold_count("auto", records), fold_count("loo", records)) == (5, 80)


def test_the_steadier_of_two_checkpoints_with_one_mean_is_kept():
    records = [record(n) for n in range(20)]
    parts = folds(records, 5, 42)
    swinging = [1.0 if any(place in part for part in parts[:3]) else 0.0 for place in range(20)]
    reports = {"checkpoint-1": [0.3] * 20, "checkpoint-2": swinging, "checkpoint-3": [0.6] * 20}
    standings = [standing(n, report(n, records, s), records, WEIGHTS, 5, 42) for n, s in reports.items()]
    assert standings[1].mean == pytest.approx(standings[2].mean)
    assert best(standings).name == "checkpoint-3"
    assert standings[1].rank == pytest.approx(0.6 - standings[1].deviation)
    same = [replace(standings[2], name="earlier"), standings[2]]
    assert best(same).name == "earlier"


def test_a_search_is_drawn_by_its_seed_keeps_to_its_budget_and_is_not_repeated(tmp_path):
    told = Finetuning(search=Search(trials=6, batch_size=(1, 2)), seed=3)
    assert drawn(told.search, 3) == drawn(told.search, 3) != drawn(told.search, 4)
    trained = []

    def train(settings, folder: Path):
        trained.append(settings)
        return abs(settings.learning_rate - 5e-4) * 1_000 + settings.lora_r / 1_000

    found, trials = search(told, train, tmp_path)
    assert len(trials) == len(trained) == 6
    assert min(trials, key=lambda trial: trial.loss).settings["lora_r"] == found.lora_r
    assert (found.epochs, {each.epochs for each in trained}) == (told.epochs, {1})
    again, repeated = search(told, train, tmp_path)
    assert (again, repeated, len(trained)) == (found, trials, 6)
    hurried = told.model_copy(update={"search": Search(trials=6, minutes=1e-9)})
    for _ in range(2):  # gone on with after a kill: the time that was spent stays spent
        assert len(search(hurried, train, tmp_path / "other")[1]) == 1
    table = sensitivity(trials)
    assert set(table) == {"lora_r", "lora_alpha", "learning_rate", "batch_size"}
    assert table["learning_rate"]["effect"] > table["lora_alpha"]["effect"] >= 0


def test_each_risk_is_seen_when_it_is_there_and_only_then():
    def made(*losses):
        return [Checkpoint(Path(f"checkpoint-{n}"), n, n, *each) for n, each in enumerate(losses, 1)]

    assert "overfitting" in next(overfitting(made((1.0, 1.0), (0.6, 0.8), (0.2, 1.1))))
    assert list(overfitting(made((1.0, 1.0), (0.6, 0.8), (0.5, 0.81)))) == []
    assert list(overfitting(made((1.0, float("nan")), (0.6, float("nan"))))) == []
    assert "forgetting" in next(forgetting(0.8, 0.5))
    assert list(forgetting(0.8, 0.7)) == []
    base, tuned = (replace(report(name, [], []), combined=score) for name, score in (("base", 0.5), ("tuned", 0.4)))
    assert "regression: it scores 0.4000, base 0.5000" in next(regression(tuned, [base]))
    assert list(regression(base, [tuned])) == []
    obeyed = {"injection": {"n": 8, "rate": 0.875, "wanted": 1.0}, "missing": {"n": 8, "rate": 0.8, "wanted": 0.8}}
    obeyed |= {"multi-hop": {"n": 4, "rate": 0.0}}  # nothing is wanted of it
    assert list(weaknesses(replace(tuned, suites=obeyed, metrics={"calibration_error": 0.945}))) == [
        "injection: 87.5% as it should be, wanted 100%",
        "calibration: its confidence is beside the share of right answers by 0.94; do not go by it",
    ]
    assert list(weaknesses(replace(tuned, suites={}, metrics={"calibration_error": 0.2}))) == []
    assert "GiB of memory" in next(too_large(500_000_000, 150_000, 4_096, 8, 8 * 2**30))
    assert list(too_large(4_000_000, 8_000, 1_024, 8, 8 * 2**30)) == []

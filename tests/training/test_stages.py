"""`whence-train` on a small project: each stage alone and together, killed and resumed, and over what is new."""

import json
import os
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("datasketch")
pytest.importorskip("rouge_score")

from click.testing import CliRunner

from whence_server.generation.prompt import UNKNOWN, system_text
from whence_server.generation.style import STYLE
from whence_server.training.runs import read_run, read_runs, training_folder
from whence_training import stages as pipeline
from whence_training.cli import command
from whence_training.config import Config
from whence_training.configfile import read_config
from whence_training.errors import BlockedError, ConfigError, InputError
from whence_training.qa import stage as stages
from whence_training.qa.record import read_records
from whence_training.qa.splitting import find_leaks
from whence_training.runfolder import write_durably
from whence_training.stages import numbers_between, open_run, run_stages

SECRET = "AKIAIOSFODNN7EXAMPL3"  # whence: allow


def run(project, config, numbers=("1", "2", "3"), **options):
    opened = open_run(project.open(), read_config(config), **options)
    return opened, [made for _, made in run_stages(opened, list(numbers))]


def test_all_stages_make_a_dataset_that_says_what_it_is_of(shop, permissive):
    opened, made = run(shop, permissive)
    about = json.loads((made[2].folder / "dataset.json").read_text())
    assert about["commit"] == shop.git("rev-parse", "HEAD")
    assert about["inputs"]["style"] == STYLE.hash
    records = [record for name in about["splits"] for record in read_records(made[2].folder / f"{name}.jsonl")]
    assert len(records) == about["records"] == sum(about["splits"].values()) > 15
    assert find_leaks(records) == []
    assert (about["leaks"], about["blocked"]) == (0, [])
    assert 0 < about["answer_words"]["p1"] <= about["answer_words"]["p50"] < about["answer_words"]["p99"]
    assert opened.folder.is_relative_to(shop.path / ".git" / "whence")
    assert shop.git("status", "--porcelain") == ""


def test_a_run_says_what_became_of_it_for_those_who_show_it(shop, permissive, monkeypatch):
    opened, _ = run(shop, permissive)
    told = read_run(opened.folder)
    assert (told.status, told.reasons) == ("completed", ())
    assert [(each.stage, each.name, each.state) for each in told.stages] == [
        ("1", "collect", "done"), ("2", "process", "done"), ("3", "generate", "done"),
    ]  # fmt: skip
    assert told.began <= told.ended
    assert told.data.examples == told.data.train + told.data.validation + told.data.test > 15
    assert {"minimum", "conflicts"} <= {gate.name for gate in told.gates}
    for problem, status in ((InputError("it is gone"), "failed"), (BlockedError("too few"), "blocked")):
        monkeypatch.setattr(pipeline, "run_stage", lambda *_, problem=problem: (_ for _ in ()).throw(problem))
        with pytest.raises(type(problem)):
            run(shop, permissive)
        told = read_run(opened.folder)
        assert (told.status, told.reasons) == (status, (str(problem),))


def test_runs_that_are_kept_elsewhere_are_shown_too(shop, permissive, tmp_path):
    here, _ = run(shop, permissive, ["1"])
    permissive.write_text(permissive.read_text() + f"paths: {{runs: {tmp_path / 'kept'}}}\n")
    for _ in range(2):
        there, _ = run(shop, permissive, ["1"])
    assert there.folder.is_relative_to(tmp_path / "kept")
    shown = read_runs(training_folder(shop.open().index_dir))
    assert sorted(each.name for each in shown) == sorted([here.folder.name, there.folder.name])


def test_a_run_that_a_gate_holds_back_says_which(shop):
    opened, _ = run(shop, None)
    told = read_run(opened.folder)
    assert told.status == "blocked"
    assert any(reason.startswith("dominance of one file: 0.642857, limit 0.5") for reason in told.reasons)


def test_one_style_is_shared_by_those_who_generate_and_those_who_answer():
    assert STYLE.text in system_text("quote")
    assert STYLE.text in system_text("write")
    assert STYLE.unknown == UNKNOWN


def test_the_same_again_is_nothing_to_do_and_a_new_commit_is_one_run_more(shop, permissive):
    opened, made = run(shop, permissive)
    before = (made[2].folder / "stage.json").stat().st_mtime_ns
    again, remade = run(shop, permissive)
    assert (again.folder, [each.hash for each in remade]) == (opened.folder, [each.hash for each in made])
    assert (remade[2].folder / "stage.json").stat().st_mtime_ns == before
    shop.write(
        "docs/guide.md", "# Guide\n\n## Closing the shop\n\nThe shop is closed by a button in the office at six.\n"
    )
    shop.commit("Say how the shop is closed", date="2024-07-01T10:00:00+00:00")
    said = []
    later, _ = run(shop, permissive, note=said.append)
    assert later.folder != opened.folder
    assert "new since the last run: 1 files, 0 removed, 1 commits, 0 threads" in said


def test_a_question_whose_lines_have_changed_expires(shop, permissive):
    _, made = run(shop, permissive)
    told = "An invoice is sent as soon as the goods have left the warehouse."
    assert told in "".join(file.read_text() for file in made[2].folder.glob("*.jsonl"))
    guide = shop.path / "docs/guide.md"
    shop.write("docs/guide.md", guide.read_text().replace("as soon as", "a week after"))
    shop.commit("Send invoices later")
    _, made = run(shop, permissive)
    assert told not in "".join(file.read_text() for file in made[2].folder.glob("*.jsonl"))


def test_runs_that_write_the_same_file_at_once_do_not_stop_each_other(tmp_path):
    said = [f"run {number}\n" * 999 for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: write_durably(tmp_path / "cursor.json", said[number % 4]), range(100)))
    assert (tmp_path / "cursor.json").read_text() in said
    assert [file.name for file in tmp_path.iterdir()] == ["cursor.json"]


def test_stages_run_alone_and_say_what_they_lack(shop, permissive):
    with pytest.raises(InputError, match="stage 3 needs what stage 1-collect makes"):
        run(shop, permissive, ["3"])
    run(shop, permissive, ["1"])
    with pytest.raises(InputError, match="stage 3 needs what stage 2-process makes"):
        run(shop, permissive, ["3"])
    opened, _ = run(shop, permissive, ["2"])
    (opened.folder / "2-process" / "units.jsonl").write_text("")
    with pytest.raises(InputError, match="a file of that was changed since"):
        run(shop, permissive, ["3"])
    run(shop, permissive, ["2", "3"])
    assert numbers_between("2", "3") == ["2", "3"]
    with pytest.raises(ConfigError, match="there is no stage 9; there are 1, 2, 3"):
        numbers_between("1", "9")


def test_a_stage_that_fails_leaves_nothing_and_those_before_it_stay(shop, permissive, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(stages, "write_material", full)
        with pytest.raises(OSError, match="No space"):
            run(shop, permissive)
    opened, made = run(shop, permissive)
    assert sorted(path.name for path in opened.folder.iterdir() if path.is_dir()) == [
        "1-collect",
        "2-process",
        "3-generate",
    ]
    assert made[2].summary["records"] > 15


def test_one_author_too_many_blocks_with_a_proposal_and_rebalancing_lets_pass(shop, tmp_path):
    config = tmp_path / "strict.yaml"
    config.write_text(
        "dataset_generator:\n  gates: {minimum: 2, per_category: 1, extractive: 0, share: 1, generator: 0.1}\n"
    )
    done = CliRunner().invoke(command, ["--repo", str(shop.path), "--config", str(config)])
    assert type(done.exception).__name__ == "BlockedError"
    assert "dominance of one generator" in str(done.exception)
    assert "--rebalance takes out" in str(done.exception)
    assert "dominance of one generator" not in done.output  # once, at the end
    told = ["--repo", str(shop.path), "--config", str(config), "--start", "1", "--end", "3", "--rebalance", "--json"]
    config.write_text(config.read_text().replace("generator: 0.1", "generator: 0.12"))
    said = json.loads(CliRunner().invoke(command, told).stdout)
    assert said["stages"][2]["blocked"] == []
    about = json.loads((Path(said["run"]) / "3-generate" / "dataset.json").read_text())
    assert about["left_out"]["more than may dominate"] > 0


def test_imports_are_mixed_in_and_what_measures_is_never_learnt(shop, permissive, tmp_path):
    context = "The harbour of the town was built in 1848 by the guild of its merchants."
    answer = {"text": "the guild", "answer_start": context.index("the guild")}
    asked = [{"id": "1", "question": "Who built the harbour?", "answers": [answer]}]
    held = {"data": [{"title": "Harbour", "paragraphs": [{"context": context, "qas": asked}]}]}
    (tmp_path / "squad.json").write_text(json.dumps(held))
    _, made = run(shop, permissive)
    whole = [
        record for name in ("train", "validation", "test") for record in read_records(made[2].folder / f"{name}.jsonl")
    ]
    measured = whole[0].question
    (tmp_path / "curated.jsonl").write_text(json.dumps({"question": measured, "paths": ["shop/cart.py"]}) + "\n")
    imports = f"  imports: {{squad: [{tmp_path}/squad.json], curated: [{tmp_path}/curated.jsonl]}}\n"
    permissive.write_text(permissive.read_text() + imports)
    _, made = run(shop, permissive)
    splits = {name: read_records(made[2].folder / f"{name}.jsonl") for name in ("train", "validation", "test")}
    assert [record.category for record in splits["train"]].count("general") == 1
    assert "general" not in [record.category for record in (*splits["validation"], *splits["test"])]
    assert measured not in [record.question for records in splits.values() for record in records]


def test_a_secret_of_the_repository_is_in_no_file_of_a_run(shop, permissive):
    shop.write(
        "shop/keys.py",
        f'def key():\n    """Returns the key {SECRET} of the shop in the cloud."""\n    return "{SECRET}"\n',
    )
    shop.commit(f"Add the key {SECRET} because the cloud asks for it")
    opened, _ = run(shop, permissive)
    files = [file for file in opened.folder.rglob("*") if file.is_file()]
    assert len(files) > 8
    assert not any(SECRET in file.read_text() for file in files)


def test_the_command_lists_its_stages_and_refuses_what_it_does_not_know(tmp_path):
    listed = CliRunner().invoke(command, ["--list"])
    names = "1 collect 2 process 3 generate 4a baseline 4b train 4c select 4d evaluate 5 register 6 deploy 7 monitor"
    assert " ".join(" ".join(line.split()[:2]) for line in listed.output.splitlines()) == names
    (tmp_path / "bad.yaml").write_text("datasets: {}\n")
    arguments = [sys.executable, "-m", "whence_training", "--config", str(tmp_path / "bad.yaml")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, env=_environment())
    assert done.returncode == 2
    assert "there is no key datasets" in done.stderr
    assert Config().dataset_generator.train_ratio == 0.8


@pytest.mark.parametrize("name", ["../x", "a/b", "/tmp/x", "..", ".hidden"])
def test_a_run_is_nowhere_but_among_the_runs(shop, permissive, name):
    with pytest.raises(ConfigError, match="a run has one plain name"):
        run(shop, permissive, ["1"], name=name)


@pytest.mark.slow
def test_killed_anywhere_it_goes_on_and_ends_with_the_same_dataset(shop, permissive):
    _, made = run(shop, permissive)
    chance = random.Random(8)
    asked = ["--repo", str(shop.path), "--config", str(permissive), "--end", "3", "--run"]
    arguments = [sys.executable, "-m", "whence_training", *asked]
    begun = time.monotonic()
    subprocess.run([*arguments, "whole"], check=True, capture_output=True, env=_environment())
    longest = time.monotonic() - begun
    for number in range(10):
        process = subprocess.Popen([*arguments, f"run{number}"], stderr=subprocess.DEVNULL, env=_environment())
        time.sleep(chance.uniform(0.2, 1) * longest)
        process.kill()
        process.wait()
        _, resumed = run(shop, permissive, name=f"run{number}")
        assert [each.hash for each in resumed] == [each.hash for each in made]


def _environment():
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "HOME": str(Path.home())}

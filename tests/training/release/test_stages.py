"""Stages 5 to 7 on what the stages before them left: refused, registered, deployed; no way around the gates."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from functools import partial

import pytest
from tests.lsp.conftest import sells
from tests.training.release.conftest import write_peft
from tests.training.release.reports import report

pytest.importorskip("datasketch")

from whence_indexer.workspace import Workspace
from whence_server.models.choosing import scope_of
from whence_server.models.installed import user_home
from whence_training.config import Config, Finetuning, Generator, Imports, Promotion, Registration, Serving
from whence_training.errors import BlockedError, ConfigError, InputError
from whence_training.evaluation.report import write_report
from whence_training.finetuning.stage import base_of
from whence_training.qa.gates import Gate, blocked_reasons
from whence_training.qa.record import Evidence, Quote, Record, dump
from whence_training.release.candidate import _cost
from whence_training.release.promotion import judge
from whence_training.release.stage import deploy_stage
from whence_training.run import Run
from whence_training.runfolder import make
from whence_training.stages import STAGES, attempts, back_to_data, by_number, run_stage

pytestmark = pytest.mark.filterwarnings("default")  # peft's own

RISKS = ["injection: 87.5% as it should be, wanted 100%"]
SENTENCE = "Charge the card once; the bank repeats its answers."


MEASURED = ("Where is charge_card?", "How are routes registered?", "What does charge_card do?",
            "What is registered with `register_route`?", "What does the bank repeat?", "Which view answers a path?",
            "What does register_route remember?", "What happens when a card is charged?")  # fmt: skip


def records():
    for number in range(20):
        category, test = ("code", "docs")[number % 2], number >= 12
        question = MEASURED[number - 12] if test else f"What is said of cards in chapter {number}?"
        file = f"shop/{'abc'[number % 3]}/{number}.py"
        shown = Evidence("code", SENTENCE, file)
        yield Record(category, "what", "easy", question, SENTENCE, (shown,), (Quote(0, SENTENCE),),
                     f"rules:{number}", file, split="test" if test else "train",
                     author=f"{number}")  # fmt: skip


@pytest.fixture
def planted(make_repository, trained, tmp_path, monkeypatch):
    """A run of which stages 1 to 4 are done, with these reports and this dataset."""
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    shop = sells(make_repository("shop"))
    Workspace(shop.open()).update()

    def made(after, before, blocked=(), **sections):
        config = Config(domain="shop", finetuning=Finetuning(base_model=str(trained.base)), **sections)
        run = Run(tmp_path / "run", shop.open(), config, "state")
        training = {"name": "tuned", "examples": 12, "seconds": 1.5, "settings": Finetuning().model_dump(mode="json")}
        gates = [asdict(Gate("dominance of one author", "passed", 0.1, 0.5))]
        held = list(records())

        def generate(draft):
            for name in ("train", "validation", "test"):
                (draft / f"{name}.jsonl").write_text(dump(each for each in held if each.split == name))
            (draft / "dataset.json").write_text(json.dumps({"version": "ab" * 32, "records": 20, "commit": "c0ffee"}))
            return {"blocked": list(blocked)}

        def written(*files):
            def write(draft):
                for file, value in files:
                    (draft / file).parent.mkdir(parents=True, exist_ok=True)
                    write_report(draft / file, value) if file.startswith("eval") else (draft / file).write_text(
                        json.dumps(value)
                    )
                return {}

            return write

        make(run.folder, by_number("1").folder, "", lambda draft: {})
        make(run.folder, by_number("3").folder, "", generate)
        make(run.folder, by_number("4a").folder, "", written(("eval_baseline.json", before)))
        steps = [
            (f"checkpoints/checkpoint-{n}/checkpoint.json",
             {"epoch": n / 4, "step": 5 * n, "loss": 1.0, "validation_loss": 1.0}) for n in (1, 2)
        ]  # fmt: skip
        four_b = written(("training.json", training), ("gates.json", gates), *steps)
        make(run.folder, by_number("4b").folder, "", four_b)
        choose = written(("checkpoint_selection.json", {"selected": "checkpoint-1"}))
        make(run.folder, by_number("4c").folder, "",
             lambda draft: choose(draft) | {"adapter": str(write_peft(draft / "adapter"))})  # fmt: skip
        make(
            run.folder,
            by_number("4d").folder,
            "",
            written(("eval_finetuned.json", after), ("risks.json", {"risks": RISKS})),
        )
        return run

    return made


def roles(run):
    return user_home().state().roles_in(scope_of(run.repository))


@pytest.fixture
def needs_all():
    for library in ("torch", "peft", "llama_cpp"):
        pytest.importorskip(library, reason="make test-training and make test-model install it")


def test_every_way_to_a_new_model_leads_through_the_data_and_its_gates(planted):
    def above(number):
        needs = by_number(number).needs
        return {*needs}.union(*(above(need) for need in needs))

    later = [stage.number for stage in STAGES if stage.number not in ("1", "2", "3", "7")]
    assert later == ["4a", "4b", "4c", "4d", "5", "6"]
    for number in later:
        assert "3" in above(number)
    assert "5" in above("6")
    run = planted(report(), report("base", 0.5), blocked=["dominance of one author: 0.9, limit 0.5"])
    for number in ("4a", "5"):
        with pytest.raises(BlockedError, match=r"stage 3 \(generate\): dominance of one author"):
            run_stage(run, number)


def test_too_few_curated_questions_answered_rightly_send_it_back_to_the_data_but_not_for_ever():
    seeds = [each.dataset_generator.seed for each in attempts(Config(), ["3", "4b", "5"])]
    assert seeds == [42, 43]
    assert len(list(attempts(Config(), ["5"]))) == 1
    assert len(list(attempts(Config(registration=Registration(retries=0)), ["3", "5"]))) == 1
    for accuracy, back in ((0.84, True), (0.85, False)):
        gates = judge(report(), report("base", 0.5), None, report(accuracy=accuracy), None, 0.0, Promotion())
        assert back_to_data(blocked_reasons(gates)) is back


def test_questions_by_hand_that_have_no_answers_do_not_pass_and_mended_ones_are_asked_anew(planted, tmp_path):
    file = tmp_path / "curated.jsonl"
    file.write_text('{"question": "Where is a card charged?", "paths": ["shop/cards.py"]}\n')
    run = planted(report(), report("base", 0.5), dataset_generator=Generator(imports=Imports(curated=(file,))))
    for number in ("4a", "5"):
        with pytest.raises(InputError, match=r"no question of .*curated\.jsonl has an answer"):
            run_stage(run, number)
    before = by_number("5").inputs(run)
    file.write_text('{"question": "Where is a card charged?", "answer": "In charge_card."}\n')
    assert by_number("5").inputs(run) != before


def test_fewer_bits_to_train_in_are_made_of_a_folder_alone(trained, make_repository, tmp_path):
    told = Finetuning(base_model=str(trained.base), quantization="8bit")
    run = Run(tmp_path, make_repository("shop").open(), Config(finetuning=told), "state")
    with pytest.raises(ConfigError, match="needs a Hugging Face folder"):
        base_of(run)


def test_what_it_took_is_estimated_only_where_the_power_is_told():
    watts = Config(registration=Registration(watts=60))
    assert _cost({"examples": 12, "seconds": 90.0}, watts)["energy"] == "1.5 Wh, estimated: 60 W for that time"
    assert _cost({"examples": 12, "seconds": 90.0}, Config())["energy"] == "not measured"


@pytest.mark.model
def test_a_refused_model_is_not_registered_and_nothing_changes(planted, needs_all):
    run = planted(report(f1=(0.6, 0.2)), report("base", 0.5))
    refused = run_stage(run, "5")
    assert refused.summary["blocked"] == [
        "weakest category: 0.2, limit 0.3 (docs). collect more of docs, or ask of it in other words"
    ]
    gates = {gate["name"]: gate["state"] for gate in json.loads((refused.folder / "gates.json").read_text())}
    assert gates["quantization loss"] == "passed"
    with pytest.raises(BlockedError, match="weakest category"):
        run_stage(run, "6")
    assert not (run.repository.index_dir / "training" / "registry").exists()
    assert roles(run).labels == {}


@pytest.mark.model
def test_a_better_model_is_registered_deployed_and_asked_and_the_same_again_is_nothing_to_do(planted, needs_all):
    run = planted(report(), report("base", 0.5), serving=Serving(policy="champion", canary_requests=2))
    registered, deployed = run_stage(run, "5"), run_stage(run, "6")
    assert registered.summary["name"] == "shop-qa-lora-v1.0"
    card = (registered.folder / "README.md").read_text()
    for said in (
        "| epochs | 0.5 of 3 |",
        "| steps | 10 |",
        "| checkpoint | checkpoint-1, step 5, epoch 0.25 |",
        f"| {RISKS[0]} |",
    ):
        assert said in card
    gates = json.loads((registered.folder / "registration.json").read_text())["gates"]
    assert {"dominance of one author", "weakest category"} <= gates.keys()  # of what was learnt, and of the model
    assert (deployed.summary["role"], roles(run).champion) == ("champion", "shop-qa-lora@1.0")
    told = json.loads((deployed.folder / "deployment.json").read_text())
    assert [each["model"] for each in told["canary"]] == ["shop-qa-lora@1.0"] * 2
    assert [run_stage(run, number).hash for number in ("5", "6")] == [registered.hash, deployed.hash]
    watched = run_stage(run, "7")
    assert watched.summary == {"questions": 0, "opinions": {"confirmed": 0, "corrected": 0, "disliked": 0}, "bad": []}


@pytest.mark.model
def test_a_refused_model_may_be_looked_at_but_never_answers_everything(planted, needs_all):
    anyway, champion = Registration(anyway=True), Serving(policy="champion", canary_requests=1)
    run = planted(report(f1=(0.6, 0.2)), report("base", 0.5), registration=anyway, serving=champion)
    registered, deployed = run_stage(run, "5"), run_stage(run, "6")
    assert registered.summary["registered_although"][0].startswith("weakest category")
    assert (deployed.summary["role"], roles(run).champion, roles(run).share) == ("challenger", None, 5)


@pytest.mark.model
def test_a_canary_that_fails_leaves_who_answered_before(planted, needs_all):
    serving = Serving(policy="champion", canary=("Who composed the Ring cycle?",))
    run = planted(report(), report("base", 0.5), serving=serving)
    run_stage(run, "5")
    with pytest.raises(BlockedError, match=r"shop-qa-lora@1\.0 is taken back: it answered none of 1 questions"):
        run_stage(run, "6")
    assert roles(run).champion is None
    run = replace(run, config=run.config.model_copy(update={"serving": Serving(policy="offer", canary_requests=1)}))
    assert run_stage(run, "6").summary["role"] == "offer"


@pytest.mark.model
def test_a_deployment_that_was_killed_before_its_proof_is_taken_back_by_the_next(planted, needs_all):
    serving = Serving(policy="champion", canary=("Who composed the Ring cycle?",))
    run = planted(report(), report("base", 0.5), serving=serving)
    run_stage(run, "5")

    def killed(deploying, *_):
        deploying()
        os._exit(9)

    child = os.fork()
    if not child:
        run_stage(run, "6", partial(deploy_stage, guard=killed))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert roles(run).champion == "shop-qa-lora@1.0"
    with pytest.raises(BlockedError, match="is taken back"):
        run_stage(run, "6")
    assert roles(run).champion is None

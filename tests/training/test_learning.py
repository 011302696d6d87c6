"""The whole loop, with nothing made up: what developers corrected is learnt, passes every gate, and answers them."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")
pytest.importorskip("datasketch")
pytest.importorskip("llama_cpp", reason="make test-training installs it")

from tests.commands import called
from tests.training.corrected import MODELS, config, correct, files

from whence_training.configfile import parse_config
from whence_training.demo import install_base
from whence_training.release.canary import probe
from whence_training.stages import STAGES, open_run, run_stages

pytestmark = [pytest.mark.filterwarnings("default"), pytest.mark.slow]


def test_a_model_that_learnt_from_corrections_is_promoted_answers_and_can_be_rolled_back(
    make_repository, tmp_path, monkeypatch
):
    for name in ("XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    shop = make_repository("shop")
    for path, text in files():
        shop.write(path, text)
    shop.commit("Open the shop")
    correct(shop.open().index_dir)
    base = install_base(MODELS)

    run = open_run(shop.open(), parse_config(config(base, tmp_path / "runs"), "test"))
    made = {stage.number: done for stage, done in run_stages(run, [each.number for each in STAGES])}
    gates = {each["name"]: each["state"] for each in json.loads((made["5"].folder / "gates.json").read_text())}
    assert gates["curated accuracy"] == "unmeasured"  # nobody has written questions by hand
    assert {state for name, state in gates.items() if not name.startswith(("curated", "bias"))} == {"passed"}
    assert "failed" not in gates.values()
    assert gates.keys() >= {"better than the untuned base", "weakest category", "citation precision"}
    before, after = made["4d"].summary["accuracy"]
    assert after >= before + 0.5
    assert (made["5"].summary["name"], made["6"].summary["role"]) == ("shop-qa-lora-v1.0", "champion")

    (answered,) = probe(shop.path, ["What must I know of `pack_parcel`?"], "auto", 300)
    assert (answered.model, answered.cited > 0) == ("shop-qa-lora@1.0", True)
    assert called("models", "rollback", "--repo", shop.path).returncode == 0
    (answered,) = probe(shop.path, ["What must I know of `pack_parcel`?"], "auto", 300)
    assert answered.model == base

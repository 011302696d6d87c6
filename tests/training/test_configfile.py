"""A configuration is read whole: the file of the energyai pipeline as it is, ours, and neither with a slip in it."""

import pytest

pytest.importorskip("pydantic")
pytest.importorskip("yaml")

from whence_training.config import Config, remarks
from whence_training.configfile import parse_config, read_config
from whence_training.errors import ConfigError

ENERGYAI = """
domain: "energy"
use_case: "qa"
paths: {raw_data: data/raw, processed_data: data/processed, chunks: data/chunks, qa_dataset: data/qa_dataset}
data_collector: {num_results: 500, mode: pdf, query: "energy pdfs"}
data_processor: {min_tokens: 20, target_tokens: 512, max_tokens: 500}
dataset_generator: {max_tokens: 600, train_ratio: 0.8, model: gemini-2.5-flash}
finetuning:
  {base_model: meta-llama/Llama-3.2-3B-Instruct, train_data: data/qa_dataset/train.json, output_dir: models/checkpoints,
   final_model_dir: models/lora_weights, quantization: 8bit, lora_r: 16, lora_alpha: 32, lora_dropout: 0.05,
   target_modules: [q_proj, k_proj, v_proj, o_proj], strategy: epoch, epochs: 20, max_steps: 500, batch_size: 8,
   gradient_accumulation_steps: 4, learning_rate: 1.0e-4, lr_scheduler_type: cosine, weight_decay: 0.01,
   warmup_ratio: 0.1, max_grad_norm: 1.0, max_seq_length: 1024, optim: paged_adamw_32bit, seed: 42, bf16: true,
   fp16: false, save_steps: 100, cleanup_checkpoints: true, logging_steps: 10, wandb_enabled: true,
   wandb_project: energy-qa, wandb_run_name: null}
evaluation:
  {base_model: meta-llama/Llama-3.2-3B-Instruct, adapter_path: models/lora_weights, quantization: 8bit,
   eval_data: data/qa_dataset/eval.json, batch_size: 16, max_new_tokens: 256, metrics: [rouge, bertscore, token_f1],
   combined_weights: {bertscore_f1: 0.40, rougeL: 0.30, token_f1: 0.20, rouge1: 0.10}, output_dir: reports}
registration: {hf_username: null, repo_name: null, private: false}
serving:
  {vllm_host: vllm, vllm_port: 8001, api_port: 8000, timeout: 60, max_model_len: 1024, gpu_memory_utilization: 0.2,
   warmup_on_start: true, api_token: null}
"""


def test_the_file_of_the_energyai_pipeline_loads_and_what_has_no_effect_is_said(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(ENERGYAI)
    config = read_config(file)
    assert (config.finetuning.epochs, config.finetuning.optim) == (20, "paged_adamw_32bit")
    said = "\n".join(remarks(config))
    for name in (
        "paths.chunks",
        "data_collector.query",
        "dataset_generator.model",
        "serving.vllm_host",
        "target_tokens",
        "finetuning.wandb_enabled",
        "finetuning.output_dir",
        "finetuning.optim paged_adamw_32bit needs CUDA",
        "evaluation.batch_size",
    ):
        assert name in said


def test_toml_says_the_same_as_yaml(tmp_path):
    (tmp_path / "a.toml").write_text("[dataset_generator.gates]\nminimum = 7\n")
    (tmp_path / "a.yaml").write_text("dataset_generator: {gates: {minimum: 7}}\n")
    assert read_config(tmp_path / "a.toml") == read_config(tmp_path / "a.yaml") != Config()
    assert list(remarks(Config())) == []


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({"finetuning": {"lora_rank": 8}}, "there is no key finetuning.lora_rank; did you mean lora_r?"),
        (
            {"dataset_generator": {"gates": {"minimun": 8}}},
            "no key dataset_generator.gates.minimun; did you mean minimum?",
        ),
        ({"finetunning": {}}, "there is no key finetunning; did you mean finetuning?"),
        (
            {"dataset_generator": {"shares": {"authors": 0.1}}},
            "dataset_generator.shares: there is no rule authors; did you mean author?",
        ),
        ({"evaluation": {"combined_weights": {"rougeL": 0.5}}}, "evaluation.combined_weights: the weights sum to 1.2"),
        ({"data_processor": {"min_tokens": 900}}, "min_tokens 900 must be below max_tokens 600"),
        ({"dataset_generator": {"train_ratio": 1.5}}, "dataset_generator.train_ratio"),
        ({"triggers": {"webhook": "http://host:port/hook"}}, "triggers.webhook: Input should be a valid URL"),
        (["a list"], "holds no sections"),
    ],
)
def test_a_slip_is_named_with_what_was_probably_meant(held, said):
    with pytest.raises(ConfigError) as error:
        parse_config(held, "train.yaml")
    assert said in str(error.value)


def test_a_share_of_one_rule_leaves_those_of_the_others():
    shares = parse_config({"dataset_generator": {"shares": {"author": 0}}}, "train.yaml").dataset_generator.shares
    assert shares == Config().dataset_generator.shares | {"author": 0}
    assert shares[""] == 0.14


@pytest.mark.parametrize(("name", "text"), [("a.yaml", "a: [1"), ("a.toml", "a = "), ("missing.yaml", None)])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, text):
    if text:
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=name):
        read_config(tmp_path / name)

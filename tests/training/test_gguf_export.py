"""What transformers and PEFT save, run by llama.cpp from files of our own writing: the same words come out."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from whence_server.models.gguffile import check_fit, read_adapter, read_model
from whence_training.errors import ExportError
from whence_training.gguf_export import quantize, write_adapter, write_model
from whence_training.reader.tokens import TEMPLATE, train_reader_tokenizer

TEXT = "def retry(send):  # The server is busy:\n    sends again, and the delay doubles — naïvely — each time.\n"
BLOCKS, WIDTH = 2, 256


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder as transformers saves it; the weights are random, but large enough that it has opinions."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("trained")
    tokenizer = train_reader_tokenizer([TEXT] * 9, 320)
    torch.manual_seed(0)
    config = transformers.Qwen2Config(
        vocab_size=tokenizer.get_vocab_size() + 5,  # as large models have: numbers that no token has
        hidden_size=WIDTH, intermediate_size=512, num_hidden_layers=BLOCKS, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=256, tie_word_embeddings=True, bos_token_id=None,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6}, eos_token_id=tokenizer.token_to_id("<|im_end|>"),
    )  # fmt: skip
    model = transformers.Qwen2ForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.08)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


@pytest.fixture
def llama():
    pytest.importorskip("llama_cpp", reason="make test-model installs llama-cpp-python")


@pytest.fixture
def adapted(tmp_path):
    """A folder as PEFT saves it: a LoRA over the attention of both blocks."""
    pytest.importorskip("torch", reason="make test-training installs torch")
    random, tensors = np.random.default_rng(0), {}
    for block in range(BLOCKS):
        for name, width in (("q_proj", WIDTH), ("v_proj", WIDTH // 2)):
            key = f"base_model.model.model.layers.{block}.self_attn.{name}"
            tensors[f"{key}.lora_A.weight"] = random.standard_normal((4, WIDTH)).astype(np.float32)
            tensors[f"{key}.lora_B.weight"] = random.standard_normal((width, 4)).astype(np.float32)
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    change_config(tmp_path, r=4, lora_alpha=8, bias="none", use_rslora=False)
    return tmp_path


def change_config(folder, **values):
    path = folder / "adapter_config.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, **values}))


def some_tokens(folder):
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return [tokenizer.encode(TEXT * 2).ids, tokenizer.encode(f"<|im_start|>user\n{TEXT}<|im_end|>").ids]


def test_a_written_model_passes_the_gate_of_the_manager(trained, tmp_path):
    model = read_model(write_model(trained, tmp_path / "model.gguf"))
    assert (model.architecture, model.context, model.quantization) == ("qwen2", 256, "F32")
    assert model.chat_template == TEMPLATE
    assert [path.name for path in tmp_path.iterdir()] == ["model.gguf"]


def test_sixteen_bits_take_half(trained, tmp_path):
    whole, half = (write_model(trained, tmp_path / f"{half}.gguf", half=half) for half in (False, True))
    assert read_model(half).weight_bytes < 0.51 * read_model(whole).weight_bytes


def test_a_checkpoint_in_bfloat16_is_read_as_it_is_saved_everywhere(trained, tmp_path):
    from transformers import AutoModelForCausalLM

    for name in ("tokenizer.json", "chat_template.jinja"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    AutoModelForCausalLM.from_pretrained(trained, dtype="bfloat16").save_pretrained(tmp_path)
    assert read_model(write_model(tmp_path, tmp_path / "model.gguf")).weight_bytes > 0


@pytest.mark.model
def test_llama_cpp_computes_what_transformers_does(llama, trained, tmp_path):
    from whence_training.fidelity import fidelity

    whole = write_model(trained, tmp_path / "model.gguf")
    found = fidelity(trained, whole, some_tokens(trained))
    assert found.agreement == 1.0
    assert found.divergence < 1e-6
    for kind, most in (("Q8_0", 0.002), ("Q4_K_M", 0.5)):  # noise has no structure that four bits could keep
        smaller = quantize(whole, tmp_path / f"{kind}.gguf", kind)
        assert read_model(smaller).quantization == kind
        assert 0 < fidelity(trained, smaller, some_tokens(trained)).divergence < most


@pytest.mark.model
def test_both_cut_a_text_into_the_same_tokens(llama, trained, tmp_path):
    from tokenizers import Tokenizer

    from whence_server.generation.engine import Engine

    tokenizer = Tokenizer.from_file(str(trained / "tokenizer.json"))
    engine = Engine(write_model(trained, tmp_path / "model.gguf"), 0)
    for text in (TEXT, "it's 2024\r\n\r\n\tx_y  = `naïve` 漢字 👍\n\n", "| a\n| \n| b", "<b> don't"):
        assert engine.tokenize(text) == tokenizer.encode(text).ids
    engine.close()


@pytest.mark.model
def test_an_adapter_changes_as_much_as_it_does_in_torch(llama, trained, adapted, tmp_path):
    from whence_server.generation.engine import Engine, Settings

    whole = write_model(trained, tmp_path / "model.gguf")
    adapter = write_adapter(adapted, tmp_path / "adapter.gguf", BLOCKS)
    check_fit(read_adapter(adapter), read_model(whole))
    (tmp_path / "merged").mkdir()
    merged = load_file(trained / "model.safetensors")
    halves = load_file(adapted / "adapter_model.safetensors")
    for name in [name for name in halves if name.endswith("lora_A.weight")]:
        base = name.removeprefix("base_model.model.").replace("lora_A.", "")
        merged[base] = merged[base] + halves[name.replace("lora_A", "lora_B")] @ halves[name] * (8 / 4)
    save_file(merged, tmp_path / "merged" / "model.safetensors")
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / "merged" / name).write_bytes((trained / name).read_bytes())
    seen = []
    for path, lora in ((write_model(tmp_path / "merged", tmp_path / "merged.gguf"), None), (whole, str(adapter))):
        engine = Engine(path, 0)
        engine.configure(Settings(128, 1))
        engine.use_adapter(lora)
        engine.read(some_tokens(trained)[1])
        seen.append(np.array(engine.logits()))
        engine.close()
    assert np.abs(seen[0] - seen[1]).max() < 1e-2 * np.abs(seen[0]).max()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"bias": "all"}, "bias"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
    ],
)
def test_an_adapter_that_llama_cpp_would_misread_is_refused(adapted, tmp_path, change, why):
    change_config(adapted, **change)
    with pytest.raises(ExportError, match=why):
        write_adapter(adapted, tmp_path / "adapter.gguf", BLOCKS)
    assert not list(tmp_path.glob("*.gguf"))


def test_a_rank_stabilised_adapter_keeps_its_strength(adapted, tmp_path):
    change_config(adapted, use_rslora=True)
    assert read_adapter(write_adapter(adapted, tmp_path / "adapter.gguf", BLOCKS)).alpha == pytest.approx(16)


def test_what_is_no_such_model_is_refused_by_its_reason(trained, tmp_path):
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    tokenizer = json.loads((trained / "tokenizer.json").read_text())
    tokenizer["pre_tokenizer"] = {"type": "Whitespace"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ExportError, match="does not split"):
        write_model(tmp_path, tmp_path / "model.gguf")
    (tmp_path / "model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(ExportError, match="cannot be read"):
        write_model(tmp_path, tmp_path / "model.gguf")
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ExportError, match="gpt2"):
        write_model(tmp_path, tmp_path / "model.gguf")

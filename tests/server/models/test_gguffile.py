"""GGUF files that are damaged, lie or hold something else are refused with the reason; whole ones are described."""

from __future__ import annotations

import struct
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from gguf import GGUFReader, GGUFWriter
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.server.models.gguf_files import BLOCKS, INNER, WIDTH, write_adapter, write_model

from whence_server.errors import GgufError
from whence_server.models.gguffile import Model, check_fit, read_adapter, read_model


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("gguf") / "whole.gguf", template="{{ messages }}")


def damaged(whole: Path, data: bytes) -> Path:
    path = whole.with_name("damaged.gguf")
    path.write_bytes(data)
    return path


def test_a_whole_file_is_described(whole):
    model = read_model(whole)
    assert (model.architecture, model.context, model.vocabulary) == ("qwen2", 256, 40)
    assert (model.quantization, model.licence, model.chat_template) == ("F32", "apache-2.0", "{{ messages }}")
    assert model.parameters == sum(int(tensor.n_elements) for tensor in GGUFReader(whole).tensors)
    assert model.weight_bytes == 4 * model.parameters
    assert [replace(model, parameters=size).mode for size in (10**8, 10**10)] == ["quote", "write"]


def test_memory_grows_with_the_context_up_to_the_longest(whole):
    model = read_model(whole)
    per_token = BLOCKS * 2 * (WIDTH // 2) * 2  # blocks, keys and values, their width, bytes of an f16
    assert model.memory_bytes(200) - model.memory_bytes(100) == 100 * per_token
    assert model.memory_bytes(1000) == model.memory_bytes(256)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_truncated_file_is_refused(whole, data):
    content = whole.read_bytes()
    length = data.draw(st.integers(0, len(content) - 1))
    with pytest.raises(GgufError, match=r"^damaged\.gguf (is refused|cannot be read): "):
        read_model(damaged(whole, content[:length]))


@pytest.mark.parametrize(("count", "reason"), [(10_000_000, "general.architecture"), (100_000_000, "weights more")])
def test_a_small_file_takes_no_more_memory_than_it_has_bytes(tmp_path, count, reason):
    path, key = tmp_path / "hungry.gguf", b"hungry"
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQQ6sIIQ", 3, 0, 1, len(key), key, 9, 3, count))  # one array of int16
        file.truncate((file.tell() + 2 * count + 31) // 32 * 32)
    tracemalloc.start()
    try:
        with pytest.raises(GgufError, match=reason):
            read_model(path)
        assert tracemalloc.get_traced_memory()[1] < 1.5 * path.stat().st_size
    finally:
        tracemalloc.stop()


@pytest.fixture
def structure(whole):
    """How many bytes of it say what the others are, and its tensors."""
    return whole.stat().st_size - sum(tensor.n_bytes for tensor in GGUFReader(whole).tensors), read_model(whole).tensors


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_is_refused_or_harmless_to_the_structure(whole, structure, data):
    """What a flip cannot do: crash the reader, make it run away, or pass with tensors of other shapes or places."""
    content, (head, tensors) = bytearray(whole.read_bytes()), structure
    at = data.draw(st.integers(0, head - 1))
    content[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = read_model(damaged(whole, bytes(content)))
    except GgufError:
        return
    assert isinstance(found, Model)
    assert found.tensors == tensors


@settings(max_examples=200)
@given(st.binary(max_size=400))
@example(b"\x03\0\0\0" + b"\xff" * 16)
def test_any_bytes_after_the_magic_are_refused(tmp_path_factory, rest):
    path = tmp_path_factory.getbasetemp() / "any.gguf"
    path.write_bytes(b"GGUF" + rest)
    with pytest.raises(GgufError):
        read_model(path)


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ({"architecture": "gpt9"}, "architecture 'gpt9' is not known"),
        ({"block_count": 3}, "claims to have 3 blocks, the tensors are of 2"),
        ({"block_count": 1}, "claims to have 1 blocks"),
        (
            {"block_count": 2**30},
            "claims to have 1,073,741,824 blocks, the tensors are of 2",
        ),  # and takes no memory
        ({"width": 64}, r"'token_embd\.weight' has the shape \[32, 40\], it must be \[64, 40\]"),
        ({"context": 0}, '"qwen2.context_length" is 0'),
        ({"eos": 40}, '"tokenizer.ggml.eos_token_id" is 40; there are 40 tokens'),
        ({"drop": "blk.1.ffn_up.weight"}, r"'blk\.1\.ffn_up\.weight' is missing"),
        ({"drop": "output_norm.weight"}, r"'output_norm\.weight' is missing"),
        ({"drop": "token_embd.weight"}, r"'token_embd\.weight' is missing"),
    ],
)
def test_a_file_that_lies_is_refused(tmp_path, claim, reason):
    with pytest.raises(GgufError, match=reason):
        read_model(write_model(tmp_path / "liar.gguf", **claim))


def test_what_is_no_model_is_named(tmp_path, whole):
    for content, reason in (
        (b"PK\x03\x04", "does not begin with GGUF"),
        (b"", "does not begin with GGUF"),
        (b"GGUF" + struct.pack(">I", 3) + b"\0" * 40, "big-endian"),
        (b"GGUF" + struct.pack("<I", 9), "version 9 is not known"),
        (whole.read_bytes() + b"\0" * 4096, "4,096 bytes follow the last tensor"),
    ):
        with pytest.raises(GgufError, match=reason):
            read_model(damaged(whole, content))
    with pytest.raises(GgufError, match="No such file"):
        read_model(tmp_path / "nothing.gguf")
    with pytest.raises(GgufError, match="holds 'adapter', no model"):
        read_model(write_adapter(tmp_path / "adapter.gguf"))
    with pytest.raises(GgufError, match="holds no LoRA adapter"):
        read_adapter(whole)


def test_an_encoder_writes_no_text(tmp_path):
    writer = GGUFWriter(str(tmp_path / "encoder.gguf"), "bert")
    writer.add_causal_attention(False)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(GgufError, match="without causal attention writes no text"):
        read_model(tmp_path / "encoder.gguf")


def test_a_chat_template_without_end_is_refused_and_a_hostile_one_is_only_text(tmp_path):
    hostile = "{{ ''.__class__.__mro__[1].__subclasses__() }}"
    assert read_model(write_model(tmp_path / "hostile.gguf", template=hostile)).chat_template == hostile
    assert read_model(write_model(tmp_path / "none.gguf")).chat_template is None
    with pytest.raises(GgufError, match="chat template is 300,000 characters long"):
        read_model(write_model(tmp_path / "long.gguf", template="x" * 300_000))


def test_the_same_tokens_are_the_same_tokenizer(tmp_path, whole):
    other = [f"u{number}" for number in range(40)]
    assert read_model(write_model(tmp_path / "seed.gguf", seed=1)).tokenizer == read_model(whole).tokenizer
    assert read_model(write_model(tmp_path / "other.gguf", tokens=other)).tokenizer != read_model(whole).tokenizer


def test_an_adapter_fits_its_base_or_the_reason_is_given(tmp_path, whole):
    model = read_model(whole)
    check_fit(read_adapter(write_adapter(tmp_path / "a.gguf")), model)
    for name, changed, reason in (
        ("other", {"architecture": "llama"}, "is for llama, its base is qwen2"),
        ("absent", {"target": "blk.7.attn_q.weight"}, r"changes 'blk\.7\.attn_q\.weight', which its base lacks"),
        ("shape", {"inner": INNER}, r"as \[64, 32\], in its base it is \[32, 32\]"),
    ):
        with pytest.raises(GgufError, match=reason):
            check_fit(read_adapter(write_adapter(tmp_path / f"{name}.gguf", **changed)), model)

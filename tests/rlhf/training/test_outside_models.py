"""Base models in other people's formats: llama.cpp's GGUF, and PEFT adapters that stand on a base."""

import json

import gguf
import pytest
import torch
from peft import LoraConfig, get_peft_model

from rlhf.training import base as base_models
from rlhf.training import models
from tests.rlhf.training.conftest import TEMPLATE, make_model, make_tokenizer

pytestmark = pytest.mark.torch
PARTS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def interleaved(weight, heads):
    """A projection of queries or keys as llama.cpp keeps it: the halves of each rotation side by side."""
    rows, columns = weight.shape
    return weight.view(heads, 2, rows // heads // 2, columns).transpose(1, 2).reshape(rows, columns)


def with_room(model):
    """Return the model with one token more."""
    model.resize_token_embeddings(model.config.vocab_size + 1, mean_resizing=False)
    return model


def write_gguf(path, model, tokenizer):
    """Write a tiny Llama as llama.cpp would, in float32."""
    config, writer = model.config, gguf.GGUFWriter(path, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)
    writer.add_vocab_size(config.vocab_size)
    tokens = [*sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().get), "ab"]  # what its one merge makes
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token.startswith("<|") else 1 for token in tokens])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_chat_template(TEMPLATE)
    for name, tensor in _tensors(model):
        writer.add_tensor(name, tensor.detach().contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _tensors(model):
    yield "token_embd.weight", model.model.embed_tokens.weight
    yield "output_norm.weight", model.model.norm.weight
    heads = {"attn_q": model.config.num_attention_heads, "attn_k": model.config.num_key_value_heads}
    for at, layer in enumerate(model.model.layers):
        for ours, theirs in PARTS.items():
            weight = layer.get_submodule(ours).weight
            yield f"blk.{at}.{theirs}.weight", interleaved(weight, heads[theirs]) if theirs in heads else weight


@pytest.fixture
def text():
    return torch.tensor([[3, 40, 50, 60, 1]])


def test_a_gguf_file_becomes_the_model_that_it_was_written_from(tmp_path, text):
    model = with_room(make_model())
    write_gguf(tmp_path / "model.gguf", model, make_tokenizer())

    base_models.make(str(tmp_path / "model.gguf"), tmp_path / "made", steps=0)

    with torch.no_grad():
        found, written = (m(text).logits for m in (models.load_causal_lm(tmp_path / "made"), model))
    assert torch.allclose(found[..., : written.shape[-1]], written, atol=1e-5)


def test_its_padding_is_not_its_end(tmp_path):
    write_gguf(tmp_path / "model.gguf", with_room(make_model()), make_tokenizer())

    base_models.make(str(tmp_path / "model.gguf"), tmp_path / "made", steps=0)

    tokenizer = models.load_tokenizer(tmp_path / "made")
    assert tokenizer.eos_token == "<|end|>"
    assert tokenizer.pad_token not in (None, "<|end|>")


def test_a_file_that_is_not_gguf_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "model.gguf").write_bytes(b"GGUF but no more")

    with pytest.raises(base_models.BadSource, match="cannot be read as a GGUF model"):
        base_models.make(str(tmp_path / "model.gguf"), tmp_path / "made", steps=0)


def test_without_the_package_the_refusal_names_it(tmp_path, monkeypatch):
    (tmp_path / "model.gguf").write_bytes(b"")
    monkeypatch.setattr(base_models.importlib.util, "find_spec", lambda name: None)

    with pytest.raises(base_models.BadSource, match="pip install gguf"):
        base_models.make(str(tmp_path / "model.gguf"), tmp_path / "made", steps=0)


@pytest.fixture
def adapter(tmp_path):
    """A PEFT adapter that changes its base, which lies beside it."""
    make_model().save_pretrained(tmp_path / "base")
    make_tokenizer().save_pretrained(tmp_path / "base")
    model = get_peft_model(make_model(), LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.ones_(weight)
    model.save_pretrained(tmp_path / "adapter")
    config = tmp_path / "adapter" / "adapter_config.json"
    known = json.loads(config.read_text()) | {"base_model_name_or_path": str(tmp_path / "base")}
    config.write_text(json.dumps(known))
    return tmp_path / "adapter", model.eval()


def test_an_adapter_is_merged_onto_its_base(adapter, tmp_path, text):
    directory, model = adapter

    base_models.make(str(directory), tmp_path / "made", steps=0)

    with torch.no_grad():
        found, adapted, plain = (
            m(text).logits for m in (models.load_causal_lm(tmp_path / "made"), model, make_model())
        )
    assert torch.allclose(found, adapted, atol=1e-5)
    assert not torch.allclose(found, plain, atol=1e-3)


def test_an_adapter_whose_base_is_not_here_is_refused(adapter, tmp_path):
    directory, _ = adapter
    (directory / "adapter_config.json").write_text('{"base_model_name_or_path": "someone/some-model"}')

    with pytest.raises(base_models.BadSource, match="no directory here"):
        base_models.make(str(directory), tmp_path / "made", steps=0)

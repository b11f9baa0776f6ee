"""The tiny causal model in llama.cpp's format.

Run as a script, ``python tiny_gguf.py FOLDER FILE CHAT``, by an interpreter that has the package ``gguf``, which the tests' own
need not have.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

_NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
"""Names of transformers and of llama.cpp; of the layers' tensors after the layer's number."""


def write_tiny_gguf(folder: Path, file: Path, chat: str, python: str) -> Path:
    """Write the model that ``write_tiny_causal`` left in a folder as one GGUF file with a chat template."""
    from safetensors.numpy import load_file

    np.savez(folder / "weights.npz", **load_file(folder / "model.safetensors"))
    subprocess.run([python, __file__, str(folder), str(file), chat], check=True)
    return file


def _convert(folder: Path, file: Path, chat: str) -> None:
    import gguf

    config = json.loads((folder / "config.json").read_text("utf-8"))
    vocabulary = json.loads((folder / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    heads = config["num_attention_heads"]
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_token_types([control if token in ("<s>", "</s>") else normal for token in tokens])
    # The list must not be empty, and no UTF-8 holds the byte that ÿ stands for.
    writer.add_token_merges(["ÿ ÿ"])
    writer.add_bos_token_id(vocabulary["<s>"])
    writer.add_eos_token_id(vocabulary["</s>"])
    writer.add_chat_template(chat)
    for name, tensor in np.load(folder / "weights.npz").items():
        if name.endswith(("q_proj.weight", "k_proj.weight")):
            # llama.cpp turns neighbouring pairs of a head, transformers its first half against its second
            tensor = tensor.reshape(heads, 2, -1, tensor.shape[1]).swapaxes(1, 2).reshape(tensor.shape)
        writer.add_tensor(_renamed(name), np.ascontiguousarray(tensor, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _renamed(name: str) -> str:
    stem = name.removesuffix(".weight")
    if stem.startswith("model.layers."):
        number, _, part = stem.removeprefix("model.layers.").partition(".")
        return f"blk.{number}.{_NAMES[part]}.weight"
    return f"{_NAMES[stem]}.weight"


if __name__ == "__main__":
    _convert(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])

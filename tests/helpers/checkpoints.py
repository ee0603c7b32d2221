"""Small random checkpoints, so that the suite needs nothing from outside."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

TEXT = (
    "Once upon a time a small model lived in a large computer. It answered slowly, and its people waited. "
    "One day somebody measured where the time went, wrote it down, and made the model faster. "
    "The people asked whether the answers were still right. So they measured that too, and it was good. "
) * 20


def tokenizer(folder: Path, size: int = 400) -> None:
    """Train a byte-level BPE tokenizer and save it the way Transformers reads it."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator([TEXT], vocab_size=size, special_tokens=["<s>", "</s>", "<pad>"], show_progress=False)
    PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    ).save_pretrained(folder)


def tiny_llama(
    folder: Path, *, tied: bool = True, hidden: int = 256, layers: int = 3, seed: int = 0, spread: float = 0.02
) -> Path:
    """Write a random Llama checkpoint into `folder`; with a larger `spread` of its weights it is surer of its words."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=512, hidden_size=hidden, intermediate_size=2 * hidden, num_hidden_layers=layers,
        num_attention_heads=8, num_key_value_heads=4, max_position_embeddings=256, tie_word_embeddings=tied,
        bos_token_id=0, eos_token_id=1, pad_token_id=2, initializer_range=spread,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer(folder)
    return folder


def tiny_bert(folder: Path, *, seed: int = 0) -> Path:
    """Write a random BERT encoder checkpoint into `folder`."""
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=512, hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=128, pad_token_id=2,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    tokenizer(folder)
    return folder


def tiny_text2text(folder: Path, kind: str = "t5", *, seed: int = 0, **changes: object) -> Path:
    """Write a random encoder-decoder of Transformers' model type `kind` into `folder`, width 64.

    Weights are larger than usual, so that answers depend on the prompt. T5 has a head of its own, as Flan-T5 does.
    """
    import torch
    import transformers

    torch.manual_seed(seed)
    if kind in ("t5", "mt5"):
        sizes: dict[str, object] = {
            "d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 4,
            "feed_forward_proj": "gated-gelu", "relative_attention_max_distance": 16, "tie_word_embeddings": False,
            "relative_attention_num_buckets": 8,
        }  # fmt: skip
    else:
        sizes = {
            "d_model": 64, "encoder_layers": 2, "decoder_layers": 3, "encoder_attention_heads": 4,
            "decoder_attention_heads": 4, "encoder_ffn_dim": 128, "decoder_ffn_dim": 128,
            "max_position_embeddings": 128, "init_std": 0.3, "forced_eos_token_id": None,
        }  # fmt: skip
    sizes |= {"vocab_size": 512, "decoder_start_token_id": 2, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
    config = transformers.AutoConfig.for_model(kind, **sizes | changes)
    model = transformers.AutoModelForSeq2SeqLM.from_config(config)
    if kind in ("t5", "mt5"):
        model.lm_head.weight = torch.nn.Parameter(torch.randn(512, 64))
        for stack in (model.encoder, model.decoder):
            stack.block[0].layer[0].SelfAttention.relative_attention_bias.weight.data.normal_(std=2)
            for module in stack.block.modules():
                if isinstance(module, torch.nn.Linear):
                    module.weight.data *= 3
    elif kind in ("bart", "marian"):
        model.final_logits_bias.normal_()
    model.save_pretrained(folder)
    tokenizer(folder)
    return folder


_OWN_CODE = """
import json
import shutil
from pathlib import Path

from transformers import LlamaConfig, LlamaForCausalLM

Path({marker!r}).touch()


class OwnConfig(LlamaConfig):
    model_type = "own"


class OwnForCausalLM(LlamaForCausalLM):
    config_class = OwnConfig
"""


def with_own_code(source: Path, folder: Path, marker: Path) -> Path:
    """Copy the Llama checkpoint `source` as one whose classes only its own Python file has; importing it makes
    `marker`."""
    shutil.copytree(source, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {
        "model_type": "own", "architectures": ["OwnForCausalLM"],
        "auto_map": {"AutoConfig": "modeling_own.OwnConfig", "AutoModelForCausalLM": "modeling_own.OwnForCausalLM"},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "modeling_own.py").write_text(_OWN_CODE.format(marker=str(marker)), encoding="utf-8")
    return folder

"""Load checkpoints and write on, in a process that knows Transformers and nothing of Hasten.

`python plain.py NEW_TOKENS IDS FOLDER [FOLDER …]`, IDS separated by commas, prints for each folder, as one JSON list,
the ids that greedy decoding adds, or with which an encoder-decoder answers.
"""

import json
import sys


def main() -> None:
    """Print the greedy continuations."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    count, ids, *folders = sys.argv[1:]
    prompt = torch.tensor([[int(i) for i in ids.split(",")]])
    answers = []
    for folder in folders:
        both = AutoConfig.from_pretrained(folder).is_encoder_decoder
        auto = AutoModelForSeq2SeqLM if both else AutoModelForCausalLM
        model, loading = auto.from_pretrained(folder, output_loading_info=True)
        assert not loading["missing_keys"], loading
        assert not loading["unexpected_keys"], loading
        with torch.no_grad():
            out = model.eval().generate(
                prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=int(count), do_sample=False,
                pad_token_id=0,
            )  # fmt: skip
        answers.append(out[0, 1 if both else prompt.shape[1] :].tolist())
    assert not any(name.split(".")[0] == "engine" for name in sys.modules)
    print(json.dumps(answers))


if __name__ == "__main__":
    main()

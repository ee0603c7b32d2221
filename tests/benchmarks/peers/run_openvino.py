"""OpenVINO GenAI's LLMPipeline with a folder that optimum-cli exported."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import openvino_genai as genai
from child import serve


class _Marks(genai.StreamerBase):
    """Hands every token on as it comes."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: queue.SimpleQueue[int | None] = queue.SimpleQueue()

    def write(self, token: Any) -> genai.StreamingStatus:
        """One token, or several."""
        for one in token if isinstance(token, (list, tuple)) else (token,):
            self.tokens.put(int(one))
        return genai.StreamingStatus.RUNNING

    def end(self) -> None:
        """The answer is complete."""


class OpenvinoModel:
    """The model in `folder`. No prefix caching: an answer must not profit from an earlier one's prompt.

    `precision` sets INFERENCE_PRECISION_HINT; None leaves OpenVINO's choice for this processor.
    """

    packages = ("openvino", "openvino-genai", "optimum-intel", "nncf")
    weight_bytes = None

    def __init__(self, folder: str, threads: int, precision: str | None = None) -> None:
        self._folder = Path(folder)
        self._properties: dict[str, Any] = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        if precision:
            self._properties["INFERENCE_PRECISION_HINT"] = precision
        scheduler = genai.SchedulerConfig()
        scheduler.enable_prefix_caching = False
        self._pipeline: Any = genai.LLMPipeline(folder, "CPU", scheduler_config=scheduler, **self._properties)

    def answer(self, ids: list[int], new: int) -> Iterator[int]:
        """Continue `ids` greedily."""
        config = genai.GenerationConfig(max_new_tokens=new, ignore_eos=True, do_sample=False, apply_chat_template=False)
        marks, tensor = _Marks(), ov.Tensor(np.asarray([ids], np.int64))
        failed: list[BaseException] = []

        def work() -> None:
            try:
                self._pipeline.generate(tensor, config, streamer=marks)
            except BaseException as error:
                failed.append(error)
            marks.tokens.put(None)

        thread = threading.Thread(target=work)
        thread.start()
        while (token := marks.tokens.get()) is not None:
            yield token
        thread.join()
        if failed:
            raise failed[0]

    def logits(self, ids: list[int]) -> np.ndarray:
        """The logits of every position, float32 [T, V], from the same graph with the same settings."""
        self._pipeline = None  # this ends the answers; memory has been asked for by now
        model = ov.Core().compile_model(self._folder / "openvino_model.xml", "CPU", self._properties)
        request, length = model.create_infer_request(), len(ids)
        inputs = {
            "input_ids": np.asarray([ids], np.int64), "attention_mask": np.ones((1, length), np.int64),
            "position_ids": np.arange(length, dtype=np.int64)[None], "beam_idx": np.zeros(1, np.int32),
        }  # fmt: skip
        known = {name for port in model.inputs for name in port.get_names()}
        request.infer({name: value for name, value in inputs.items() if name in known})
        return request.get_tensor("logits").data[0].astype(np.float32)


if __name__ == "__main__":
    serve(OpenvinoModel)

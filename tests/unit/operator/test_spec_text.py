"""What the operator keeps of each LeadRoute."""

from __future__ import annotations

import tracemalloc

from leadgateway_operator.spec_text import write_spec

_SPECS = 100


def test_a_written_spec_takes_no_more_memory_than_it_is_long() -> None:
    tracemalloc.start()
    try:
        texts = [write_spec({"path": f"solar-{number}"}) for number in range(_SPECS)]
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert held < _SPECS * 1024, f"{held} bytes for {len(texts)} specs"

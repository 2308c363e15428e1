"""What people read about the webhook's answers is what it answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from leadgateway.pipeline.lead import MAX_DEPTH, InvalidLeadCode
from leadgateway.settings import WebhookSettings
from leadgateway_webhook import errors
from leadgateway_webhook.errors import Refusal
from leadgateway_webhook.head import idempotency_key
from leadgateway_webhook.protocol import MAX_HEAD_BYTES, REQUEST_SECONDS

REPOSITORY = Path(__file__).parents[3]
API = (REPOSITORY / "docs" / "api.md").read_text()
ROW = re.compile(r"^\| (\d{3}) \| `(\w+)` \|([^|]*)\|", re.MULTILINE)


def codes_of(cause: type[Refusal]) -> tuple[str, ...]:
    return get_args(InvalidLeadCode) if cause is errors.InvalidBody else (cause.code,)


def test_the_table_holds_every_code_with_its_status_and_no_other() -> None:
    documented = [(int(status), code) for status, code, _ in ROW.findall(API)]

    assert sorted(documented) == sorted(
        (int(cause.status), code) for cause in Refusal.__subclasses__() for code in codes_of(cause)
    )


def test_the_table_says_where_retry_after_is_sent_and_how_long_it_is() -> None:
    documented = {code: text.strip() for _, code, text in ROW.findall(API)}

    for cause in Refusal.__subclasses__():
        fixed = None if cause.retry_after is None else str(cause.retry_after)
        expected = "until the next post may pass" if cause is errors.RateLimited else fixed or ""
        assert {documented[code] for code in codes_of(cause)} == {expected}, cause


def test_the_limits_it_names_are_those_of_the_code() -> None:
    assert f"deeper than {MAX_DEPTH} levels" in API
    assert f"within {REQUEST_SECONDS:.0f} s" in API
    assert f"exceed {MAX_HEAD_BYTES // 1024} KiB" in API
    assert f"of {WebhookSettings.model_fields['max_body_bytes'].default // 1024**2} MiB at most" in API


def test_the_longest_idempotency_key_is_the_one_it_names() -> None:
    (longest,) = map(int, re.findall(r"1 to (\d+) visible ASCII", API))

    assert idempotency_key({b"idempotency-key": b"k" * longest})
    with pytest.raises(errors.InvalidIdempotencyKey):
        idempotency_key({b"idempotency-key": b"k" * (longest + 1)})


def test_the_readme_lists_every_status() -> None:
    api = (REPOSITORY / "README.md").read_text().partition("## API")[2].partition("\n## ")[0]
    documented = {int(status) for status in re.findall(r"^\| (\d{3}) \|", api, re.MULTILINE)}

    assert documented == {200, *(int(cause.status) for cause in Refusal.__subclasses__())}

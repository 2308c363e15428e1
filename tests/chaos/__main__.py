"""`make chaos`: a run of the fault harness, with a seed that repeats it, and the auditor's table at the end."""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tests.chaos.audit.report import audit, print_report
from tests.chaos.faults import ALL
from tests.chaos.faults.fault import Fault
from tests.chaos.namespace import Namespace
from tests.chaos.run import run
from tests.chaos.schedule import plan
from tests.chaos.small_disk import SmallDisk
from tests.chaos.stack import Stack, StackSettings


def main() -> int:
    """Parse the command line, run, judge.

    Returns:
        0 when nothing is wrong, 1 otherwise.
    """
    asked = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # takes down namespaces and file systems, too
    seed = random.SystemRandom().randrange(2**31) if asked.seed is None else asked.seed
    settings = StackSettings(
        standby=True,
        # Where nothing fills it, it would only be too small for the many leads that are posted then.
        small_disk=asked.faults and SmallDisk.is_possible(_parent(asked.folder)),
        namespace=Namespace.is_possible(),
    )
    faults = _chosen(asked.only, settings) if asked.faults else []
    console = Console(width=120, soft_wrap=True)
    console.print(f"seed {seed}, {asked.minutes:g} minutes, {asked.rate:g} leads a second", highlight=False)
    left_out = asked.faults and sorted({fault.kind for fault in ALL if not fault.is_possible(settings)})
    if left_out:
        console.print(f"left out, since they need root or iptables: {', '.join(left_out)}", highlight=False)
    planned = plan(faults, seed=seed, seconds=asked.minutes * 60, every=asked.every)
    folder = Path(tempfile.mkdtemp(prefix="leadgateway-chaos-", dir=asked.folder))
    folder.chmod(0o711)
    with Stack(folder, settings) as stack:
        evidence = run(
            stack,
            planned,
            seed=seed,
            seconds=asked.minutes * 60,
            rate=asked.rate,
            leads=asked.leads,
            say=lambda text: console.print(text, highlight=False, markup=False),
        )
    findings = audit(evidence)
    print_report(console, evidence, findings)
    if findings or asked.keep:
        console.print(f"logs and data: {folder}", highlight=False)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    console.print(f"seed {seed}: {'nothing' if not findings else f'{len(findings)} things'} wrong", highlight=False)
    return 1 if findings else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, help="of faults and leads; default: any")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long leads are posted; default: 10")
    parser.add_argument("--rate", type=float, default=25.0, help="leads a second; default: 25")
    parser.add_argument("--every", type=float, default=6.0, help="seconds between two faults on average; default: 6")
    parser.add_argument("--leads", type=int, default=0, help="go on until this many leads were posted")
    parser.add_argument("--only", action="append", default=[], help="families or words of the faults to inflict")
    parser.add_argument("--no-faults", dest="faults", action="store_false", help="post leads and inflict nothing")
    parser.add_argument("--folder", type=Path, help="for logs and data; default: the system's temporary folder")
    parser.add_argument("--keep", action="store_true", help="keep logs and data even if nothing is wrong")
    return parser


def _parent(folder: Path | None) -> Path:
    return folder or Path(tempfile.gettempdir())


def _chosen(words: list[str], settings: StackSettings) -> list[Fault]:
    possible = [fault for fault in ALL if fault.is_possible(settings)]
    chosen = [
        fault for fault in possible if not words or any(word in (fault.family, *fault.kind.split()) for word in words)
    ]
    if not chosen:
        sys.exit(f"no fault has any of the words {words} in its name or as its family")
    return chosen


if __name__ == "__main__":
    sys.exit(main())

"""Which jobs of a run failed, from Snakemake's own log; many pages of other jobs may stand below the first failure.

Imports nothing that Snakemake does not bring: the environment that starts a workflow may hold nothing else.
"""

import re
from collections.abc import Iterable
from pathlib import Path

_EVENT = re.compile(
    r"^Error in (?:\w+ )*?rule (?P<rule>\w+):$"
    r"|^    jobid: (?P<job>\d+)$"
    r"|^    log: (?P<logs>.+) \(check log file\(s\) for error details\)$"
    r"|^Finished jobid: (?P<finished>\d+)\b",
    re.MULTILINE,
)


def failed_jobs(logs: Iterable[str]) -> list[str]:
    """A sentence for every job that failed and did not succeed when it was tried again.

    Parameters
    ----------
    logs : iterable of str
        Snakemake's own log files of this start: one, and those of its logger plugins.
    """
    failed: dict[str, str] = {}
    rule = job = ""
    text = "\n".join(Path(file).read_text(encoding="utf-8", errors="replace") for file in logs)
    for event in _EVENT.finditer(text):
        if event["rule"]:
            rule = event["rule"]
        elif event["job"]:
            job = event["job"]
        elif event["logs"]:
            failed[job] = f"{rule} failed; the reason is at the end of {event['logs']}"
        else:
            failed.pop(event["finished"], None)
    return list(failed.values())

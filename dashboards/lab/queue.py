"""The queue as everybody sees it: a table of jobs with owner, progress, time to go, and what may be done.

Drawing only; a button's effect is decided by `dashboards.lab.run` on the server, whatever a page shows.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from dashboards.jobs import Job
from dashboards.lab.context import Lab
from dashboards.lab.parts import Content, damaged_note, html, table
from dashboards.server.settings import Settings, User
from dashboards.texts import Texts, all_texts
from scenarios.console import duration

MOST_JOBS = 50
REASONS = "web.run.reasons."
SIGNS = {
    "queued": "◷", "running": "▶", "stopping": "◼", "finished": "✓", "interrupted": "‖", "failed": "✕",
}  # fmt: skip


def queue_table(jobs: Sequence[Job], user: User, lab: Lab, t: Texts) -> Content:
    """Return the latest jobs as a table."""
    if not jobs:
        return html.P(t("web.run.empty"))
    head = [t(f"web.run.col_{c}") for c in ("job", "owner", "state", "progress", "results", "actions")]
    rows = [_row(job, user, lab, t) for job in jobs[:MOST_JOBS]]
    return table(head, rows, t("web.run.queue"), "queue")


def announcement(jobs: Sequence[Job], lab: Lab, t: Texts) -> str:
    """Return the jobs' states in words; it changes only when one of them does."""
    return t("phrases.comma").join(
        t("web.run.said", scenario=lab.job_words(job.request, t.lang)[0], state=t(f"web.run.states.{job.state}"))
        for job in jobs[:5]
    )


def _row(job: Job, user: User, lab: Lab, t: Texts) -> list[Content]:
    request = job.request
    title, policies = lab.job_words(request, t.lang)
    said = t("phrases.listed").join(policies)
    about = t("web.run.about", policies=said, replications=request.replications or "–") if said else ""
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(job.submitted_s))
    name = [
        html.Strong(title),
        html.Br(),
        html.Span(about, className="note"),
        html.Br(),
        html.Span(when, className="note"),
    ]
    return [
        name,
        job.owner,
        _state(job, t),
        _progress(job, t),
        _results(job, t),
        _actions(job, user, lab.state.settings, t),
    ]


def _state(job: Job, t: Texts) -> Content:
    sign = html.Span(SIGNS[job.state], **{"aria-hidden": "true"})
    words = t(f"web.run.states.{job.state}")
    if job.position:
        words = t("web.run.waiting", position=job.position)
    parts: list[Content] = [html.Span([sign, " ", words], className=f"job-state {job.state}")]
    if job.error:
        parts.append(html.P(reason(job.error, t), className="problem"))
    if job.set_aside:
        parts.append(damaged_note(job.set_aside, t))
    return parts


def reason(said: str, t: Texts) -> str:
    """Return why a job ended, in the reader's language where the queue itself said it."""
    for key, text in all_texts("en").items():
        if key.startswith(REASONS):
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.*)", re.escape(text))
            found = re.fullmatch(pattern, said, re.DOTALL)
            if found is not None:
                return t(key, **found.groupdict())
    return said


def _progress(job: Job, t: Texts) -> Content:
    now = job.progress
    if not now.planned:
        return t("web.run.starting") if job.state == "running" else "–"
    words = t("web.run.progress", done=f"{now.done:,}", planned=f"{now.planned:,}")
    parts: list[Content] = [
        html.Progress(value=str(now.done + now.failed), max=str(now.planned), **{"aria-label": words}),
        html.Br(),
        words,
    ]
    if now.failed:
        parts += [html.Br(), t("web.run.failed", count=f"{now.failed:,}")]
        if now.last_error:
            parts += [html.Br(), html.Span(now.last_error, className="note")]
    if job.state == "running" and now.eta_s:
        parts += [html.Br(), html.Span(t("web.run.eta", time=duration(now.eta_s, t)), className="note")]
    return parts


def _results(job: Job, t: Texts) -> Content:
    if not job.progress.done:
        return "–"
    words = t("web.run.compare" if job.state == "finished" else "web.run.compare_so_far")
    return html.A(words, href=f"/lab/compare?study={job.folder.name}&lang={t.lang}")


def _actions(job: Job, user: User, settings: Settings, t: Texts) -> Content:
    mine = user.may("planner") and (not settings.users or job.owner == user.name)
    if not mine:
        return ""
    doable = {
        "queued": ("cancel",), "running": ("cancel",), "stopping": (), "finished": ("forget",),
        "interrupted": ("resume", "forget"), "failed": ("resume", "forget"),
    }[job.state]  # fmt: skip
    return html.Div(
        [
            html.Button(
                t(f"web.run.{do}"),
                id={"type": "job", "do": do, "id": job.id},
                className="quiet",
                n_clicks=0,
                **{"aria-label": t("web.run.button", do=t(f"web.run.{do}"), id=job.id)},
            )
            for do in doable
        ],
        className="actions",
    )

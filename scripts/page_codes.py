"""The page of the event log and of the numbers that stand for words inside the kernel.

The kinds and codes are read from `sim.engine.codes`; what the `value` of each kind means is told here, and a kind
without a meaning is an error, so that the page stays whole.
"""

from __future__ import annotations

from types import ModuleType

KINDS: dict[str, tuple[str, str]] = {
    "occurs": ("something happens in the world, known to nobody yet", "type (row)"),
    "silent": ("the resident decides not to tell", "type (row)"),
    "report": ("a telling reaches a channel", "channel (row)"),
    "found": ("a patrol, a sensor or a sweep finds it", "channel (row)"),
    "merge": ("the telling joins the open case of its incident", "incident (row)"),
    "wrong_merge": ("the telling joins the case of another incident", "incident (row)"),
    "split": ("a second case is opened for the same incident", "incident (row)"),
    "abandon": ("the caller hangs up before being answered", "0"),
    "judge": ("the case is filed: type, place, needs, level", "level (0 grid to 4 city)"),
    "misjudge": ("it is filed as something it is not, or at a wrong address", "type filed (row)"),
    "queue": ("a task joins a line", "length of the line before"),
    "assign": ("somebody is sent", "group of staff (row)"),
    "arrive": ("somebody reaches the place", "stage"),
    "work": ("work begins or goes on", "stage; for a department called by whistle its row"),
    "lag": ("nobody is busy: papers, waiting for an answer", "stage"),
    "stage": ("a stage of the holder's work is done", "stage"),
    "reroute": ("a wrong type or address is noticed and the case sent on", "true type (row)"),
    "escalate": ("handed up the ladder", "new level"),
    "refer": ("sent to a department", "department (row)"),
    "accept": ("a department comes", "department (row)"),
    "defer": ("a department looks again later", "department (row)"),
    "bounce": ("a department refuses; under referral the case goes back", "department (row)"),
    "whistle": ("all departments that seem needed are called at once", "how many were called"),
    "quorum": ("enough of them are there", "how many are present"),
    "release": ("crews that waited too long for the quorum leave", "department (row)"),
    "remind": ("a called department that did not come is reminded", "reminders of this whistle"),
    "supervise": ("a higher level puts its weight behind the case", "supervisions of this whistle, or 0"),
    "force": ("a department is ordered to come", "department (row)"),
    "preempt": (
        "lower work is interrupted, or somebody on the way to it diverted, for an urgent task",
        "1 on the way, else 0",
    ),
    "deadline": ("a deadline passes", "how often for this case"),
    "settle": ("the trouble is truly over by work", "level"),
    "fail": ("the work did not settle it", "level"),
    "sham": ("it is closed as if it had", "level"),
    "close": ("the record ends", "outcome (code below)"),
    "callback": ("the resident is asked", "1 satisfied, 0 not"),
    "reopen": ("an unsatisfied resident's case is opened again", "repeats so far"),
    "repeat": ("the resident tells it again", "repeats so far"),
    "petition": ("the resident goes to the petition office", "repeats so far"),
    "lapse": ("the resident gives up", "repeats so far"),
    "grow": ("unattended trouble gets more severe", "new severity"),
    "spontaneous": ("unattended trouble ends by itself", "0"),
    "lost": ("a task found no place to wait, or its caller left (loss systems)", "0"),
    "duty_on": ("somebody comes on duty", "day"),
    "duty_off": ("somebody goes off duty", "0"),
    "suspend": ("work is laid down at the end of a shift", "0"),
    "move": ("somebody moves to wait elsewhere", "minutes of the move"),
    "wasted": ("a department came that was not truly needed", "department (row)"),
    "partial": ("only part of it could be settled", "0"),
    "retry": ("a caller who hung up calls again", "0"),
    "answer": ("an enquiry is answered at once", "0"),
}
"""Log kind -> what happened, and what ``value`` holds."""

GROUPS = {
    "Answers of rules": "ASK WAIT SEND TAKE IDLE_ANSWER STAY MOVE HANDLE ESCALATE REFER WHISTLE SUPERVISE CLOSE "
    "ACCEPT DEFER REFUSE",
    "Why `coordinate` is asked": "R_AUTHORITY R_NEEDS R_FAILED R_DEADLINE R_BOUNCED R_NO_HOLDER R_RESIDENT R_DISPATCH",
    "What somebody of the staff is doing": "S_OFF S_IDLE S_BACKGROUND S_RESERVED S_BUSY",
    "States of a task": "T_NEW T_TRANSIT T_QUEUED T_ASSIGNED T_HOLDING T_WORKING T_LAG T_DONE "
    "T_REFUSED T_LOST T_CANCELLED",
    "Kinds of task": "K_INTAKE K_HOLDER K_PART",
    "States of a case": "C_INTAKE C_OPEN C_CLOSED",
    "Outcomes of a case (reported)": "O_OPEN O_SETTLED O_PARTLY O_FAILED O_ABANDONED O_LOST O_ANSWERED O_MERGED",
    "Fates of an incident (true)": "F_OPEN F_RESOLVED F_LAPSED F_SPONTANEOUS F_LOST",
}


def codes_page() -> str:
    """Return the kinds of the event log and the codes.

    Raises
    ------
    KeyError
        For a kind of the log whose meaning is not told here.
    """
    from sim.engine import codes

    routine = {codes.LOG_KINDS[k] for k in codes.FIRST_ROUTINE}
    lines = [
        "# The event log and codes\n",
        "The log is append-only: `time_min`, `kind`, `case`, `incident`, `staff`, `area` (row of the grid), `value`. "
        "Level `counts` writes nothing, `cases` writes the arrows of cases, `everything` also the routine (marked *). "
        "The level never changes the trajectory: logging draws nothing and schedules nothing. Indicators are computed "
        "from the tables, which every level keeps ([why](../decisions/0005-indicators-from-tables.md)).\n",
        "| kind | what happened | value |",
        "|---|---|---|",
    ]
    for kind in codes.LOG_KINDS:
        meaning, value = KINDS[kind]
        lines.append(f"| `{kind}`{' *' if kind in routine else ''} | {meaning} | {value} |")
    lines += _plan_of_events()
    for title, names in GROUPS.items():
        lines += ["", f"## {title}\n", "| name | number |", "|---|---|", *_rows(codes, names)]
    return "\n".join(lines) + "\n"


def _plan_of_events() -> list[str]:
    """Return the kinds of timed events in the order in which they go at one instant."""
    from sim.engine import codes
    from sim.engine.event_kinds import EVENTS

    names = {number: name for name, number in vars(codes).items() if name.startswith("EV_")}
    lines = [
        "", "## Timed events\n",
        "What waits in the calendar. Those of one instant go in the order of their numbers "
        "([why](../decisions/0014-order-at-one-instant.md)); a timer is overtaken when the named column of its subject "
        "has changed since it was set.\n",
        "| name | number | subject | overtaken by a change of | what happens |", "|---|---|---|---|---|",
    ]  # fmt: skip
    for number, event in sorted(EVENTS.items()):
        column = f"`{event.stamp}`" if event.stamp else "never"
        lines.append(f"| `{names[number]}` | {number} | `{event.subject}` | {column} | {event.happens} |")
    return lines


def _rows(codes: ModuleType, names: str) -> list[str]:
    return [f"| `{name}` | {getattr(codes, name)} |" for name in names.split()]

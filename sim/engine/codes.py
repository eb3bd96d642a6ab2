"""Numbers that stand for words inside the kernel: states, event kinds, answers, reasons, log entries.

Plain integers so that compiled code can use them; each group is listed for people in `docs/reference`.
"""

NEVER = 1e300
DUE_ROWS = 32  # timers of a bin that are put in order at once

# answers of hooks
ASK = -1
WAIT = 0
SEND = 1
TAKE = 2
IDLE_ANSWER = 3
STAY = 4
MOVE = 5
HANDLE = 10
ESCALATE = 11
REFER = 12
WHISTLE = 13
SUPERVISE = 14
CLOSE = 15
ACCEPT = 20
DEFER = 21
REFUSE = 22

# why `coordinate` is asked
R_AUTHORITY, R_NEEDS, R_FAILED, R_DEADLINE, R_BOUNCED, R_NO_HOLDER, R_RESIDENT, R_DISPATCH = range(8)

# kinds of timed events, which `sim.engine.event_kinds` declares. The number is the priority at one instant: what ends,
# arrivals at the scene, shifts, who gives up waiting, what comes (a script's or the drawn incidents first, then reports
# and papers), deadlines. Gaps leave room for kinds in between.
EV_WORK_DONE = 10
EV_LAG_DONE = 20
EV_STAFF = 30
EV_ARRIVE = 40
EV_SHIFT = 50
EV_PATIENCE = 60
EV_OCCUR = 70
EV_RESIDENT = 80
EV_FIND = 90
EV_INTAKE = 100
EV_TASK_READY = 110
EV_RESTART = 120
EV_COORDINATE_LATER = 130
EV_CALLBACK = 140
EV_REQUEST = 150
EV_CASE = 160
# things to do at once, each its own event, some of them asking a hook
NOW_JOIN, NOW_DISPATCH, NOW_FREE, NOW_PICK, NOW_COORDINATE, NOW_REPORT_IN, NOW_REPOSITION = range(7)

# why somebody is asked what to do: free after a task, reserved in vain, offered the line
FREE, IN_VAIN, OFFERED = range(3)
# how a task joins its line: new, put back, picked from it to be dispatched whole
NEW, PUT_BACK, PICKED = range(3)

# hooks, as `asked_hook`
HOOK_DISPATCH, HOOK_PICK, HOOK_PRIORITY, HOOK_COORDINATE, HOOK_REPORT_IN, HOOK_REPOSITION = range(6)
HOOK_NAMES = ("dispatch", "pick", "priority", "coordinate", "report_in", "reposition")

# kinds of whistle that the kernel treats apart
WHISTLE_EMERGENCY = 2

# what the kernel returns
DONE, ASKED, GROW, BAD_ANSWER = range(4)

# staff
S_OFF, S_IDLE, S_BACKGROUND, S_RESERVED, S_BUSY = range(5)
A_REST, A_PATROL, A_BACKGROUND, A_MOVING, A_TRAVEL, A_WORK, A_HOLD = range(7)

# tasks
T_NEW, T_TRANSIT, T_QUEUED, T_ASSIGNED, T_HOLDING, T_WORKING, T_LAG, T_DONE, T_REFUSED, T_LOST, T_CANCELLED = range(11)
K_INTAKE, K_HOLDER, K_PART = range(3)

# cases
C_INTAKE, C_OPEN, C_CLOSED = range(3)
O_OPEN, O_SETTLED, O_PARTLY, O_FAILED, O_ABANDONED, O_LOST, O_ANSWERED, O_MERGED = range(8)
OUTCOMES = ("open", "settled", "partly", "failed", "abandoned", "lost", "answered", "merged")

# incidents
F_OPEN, F_RESOLVED, F_LAPSED, F_SPONTANEOUS, F_LOST = range(5)
FATES = ("open", "resolved", "lapsed", "spontaneous", "lost")

# laws of draws
CONSTANT, EXPONENTIAL, LOGNORMAL, WEIBULL, ERLANG, UNIFORM, TABLE, MIXTURE = range(8)
TABLE_POINTS = 2049
TABLE_LOGIT = 24.0  # a tabulated law covers u in (4e-11, 1 - 4e-11)

# moments at which a sweep could have found something, and those of them at which somebody of its group was free
LOOKS, LOOKS_FREE = range(2)
LOOK_COUNTS = 2
# what finds an incident, as the stamp of its chance: sweeps are numbered, and so are their chances
BY_PATROL, BY_SENSOR, FIRST_SWEEP, MOST_SWEEPS = 0, 1, 2, 64

# where a stage happens
W_SCENE, W_DESK, W_FACILITY = range(3)
# kinds of types that the kernel treats apart
TK_CASE, TK_ENQUIRY, TK_BARE = range(3)

# purposes of draws; a number once given never changes
(
    P_DEMAND,
    P_INCIDENT,
    P_NEED,
    P_TELL,
    P_REPORT_DELAY,
    P_WITNESS,
    P_SPONTANEOUS,
    P_GROW,
    P_FIND,
    P_SPLIT,
    P_MISJUDGE,
    P_BELIEVE,
    P_TAKE,
    P_CHANNEL_DELAY,
    P_PATIENCE,
    P_TOUCH,
    P_LAG,
    P_TURNOUT,
    P_ROUTE,
    P_DISCOVER,
    P_SUCCESS,
    P_SHAM,
    P_TEMPER,
    P_MINE,
    P_DESK,
    P_CALLBACK,
    P_JUDGE_RESULT,
    P_ACT,
    P_DUTY,
    P_BACKGROUND,
    P_PATROL,
    P_SKILL,
    P_RETRY,
    P_EXCITE,
    P_SENSOR,
    P_RESIDENT,
    P_SWEEP,
) = range(37)

# turns of shifts: duty ends, begins, or goes on into another date
TURN_OFF, TURN_ON, TURN_DATE = range(3)

# log
(
    L_OCCUR,
    L_SILENT,
    L_REPORT,
    L_FOUND,
    L_MERGE,
    L_WRONG_MERGE,
    L_SPLIT,
    L_ABANDON,
    L_JUDGE,
    L_MISJUDGE,
    L_QUEUE,
    L_ASSIGN,
    L_ARRIVE,
    L_WORK,
    L_LAG,
    L_STAGE,
    L_REROUTE,
    L_ESCALATE,
    L_REFER,
    L_ACCEPT,
    L_DEFER,
    L_BOUNCE,
    L_WHISTLE,
    L_QUORUM,
    L_RELEASE,
    L_REMIND,
    L_SUPERVISE,
    L_FORCE,
    L_PREEMPT,
    L_DEADLINE,
    L_SETTLE,
    L_FAIL,
    L_SHAM,
    L_CLOSE,
    L_CALLBACK,
    L_REOPEN,
    L_REPEAT,
    L_PETITION,
    L_LAPSE,
    L_GROW,
    L_SPONTANEOUS,
    L_LOST,
    L_DUTY_ON,
    L_DUTY_OFF,
    L_SUSPEND,
    L_MOVE,
    L_WASTED,
    L_PARTIAL,
    L_RETRY,
    L_ANSWER,
) = range(50)
LOG_KINDS = [
    "occurs",
    "silent",
    "report",
    "found",
    "merge",
    "wrong_merge",
    "split",
    "abandon",
    "judge",
    "misjudge",
    "queue",
    "assign",
    "arrive",
    "work",
    "lag",
    "stage",
    "reroute",
    "escalate",
    "refer",
    "accept",
    "defer",
    "bounce",
    "whistle",
    "quorum",
    "release",
    "remind",
    "supervise",
    "force",
    "preempt",
    "deadline",
    "settle",
    "fail",
    "sham",
    "close",
    "callback",
    "reopen",
    "repeat",
    "petition",
    "lapse",
    "grow",
    "spontaneous",
    "lost",
    "duty_on",
    "duty_off",
    "suspend",
    "move",
    "wasted",
    "partial",
    "retry",
    "answer",
]
# arrows that also stand in the log at level "cases"
FIRST_ROUTINE = (L_QUEUE, L_LAG, L_DUTY_ON, L_DUTY_OFF, L_MOVE)
LEVEL_COUNTS, LEVEL_CASES, LEVEL_EVERYTHING = range(3)

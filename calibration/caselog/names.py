"""Names that columns of case logs have in real exports, by the role that they mostly play.

A list of words and how they are compared; what a role is, and the guess made of the names, is
`calibration.caselog.mapping`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

DBASE = 10
"""Characters to which the tables of shapefiles cut the names of their columns."""

# Names as they stand in real exports; matched in lower case without -, _ and blanks. The order is the preference.
NAMES: dict[str, tuple[str, ...]] = {
    "case": (
        "case:concept:name", "case id", "caseid", "case", "case number", "case no", "ticket", "ticket id",
        "incident id", "incident number", "request id", "service request id", "complaint id", "unique key", "id",
        "工单编号", "工单号", "案件编号", "事件编号", "编号", "受理编号", "流水号", "sr number",
        "service request number", "request number", "reference number", "case reference", "incident no",
        "ticket no", "ticket number", "issue key", "issue id", "case enquiry id", "number", "任务号", "工单id",
        "案件号", "诉求编号",
    ),
    "activity": (
        "concept:name", "activity", "activity name", "event", "event name", "task", "step", "action", "环节",
        "活动", "办理环节", "步骤",
    ),
    "time": (
        "time:timestamp", "timestamp", "complete timestamp", "event time", "completed at", "complete time",
        "end timestamp", "end time", "time", "datetime", "时间", "办理时间", "操作时间",
    ),
    "start": (
        "start timestamp", "start time", "started at", "开始时间",
    ),
    "resource": (
        "org:resource", "resource", "user", "handler", "agent", "employee", "assigned to", "经办人", "处理人",
        "办理人",
    ),
    "transition": (
        "lifecycle:transition", "lifecycle", "transition",
    ),
    "opened": (
        "opened", "opened at", "created", "created at", "created date", "created on", "open date", "received",
        "received at", "reported at", "reported on", "requested datetime", "requested at", "受理时间",
        "来电时间", "登记时间", "创建时间", "上报时间", "date created", "creation date", "create time",
        "create date", "open dt", "date opened", "opened date", "date received", "received date", "request date",
        "requested date", "submitted", "submitted at", "submitted on", "submission date", "date submitted",
        "report time", "report date", "date reported", "logged at", "来电日期", "受理日期", "登记日期",
        "创建日期", "上报日期", "诉求时间",
    ),
    "closed": (
        "closed", "closed at", "closed date", "closed on", "close date", "resolved", "resolved at", "办结时间",
        "结案时间", "关闭时间", "date closed", "closed dt", "closing date", "closure date", "date completed",
        "completed date", "completion date", "date resolved", "resolved date", "resolution date", "办结日期",
        "结案日期", "完成时间", "完成日期", "关闭日期",
    ),
    "ended": (
        "case:enddate", "enddate", "end date", "case:closed", "case:end date",
    ),
    "deadline": (
        "case:deadline", "deadline", "due", "due date", "due at", "deadline at", "expected datetime", "办理期限",
        "截止时间", "办结期限", "时限", "sla target", "sla target dt", "target date", "due time", "应办结时间",
    ),
    "kind": (
        "case:kind", "case:type", "case:case type", "kind", "case type", "type", "category", "complaint type",
        "service name", "类别", "类型", "事件类型", "问题分类", "sr type", "request type",
        "service request type", "issue type", "problem type", "诉求类型", "问题类型", "案件类型", "大类名称",
    ),
    "channel": (
        "case:channel", "channel", "source", "open data channel type", "渠道", "来源", "受理渠道",
        "request source", "method received", "诉求渠道", "信息来源",
    ),
    "department": (
        "case:department", "department", "agency", "responsible department", "承办单位", "主办单位", "部门",
        "responsible agency", "agency responsible", "owner department", "assignment group", "处置部门",
        "责任单位", "办理单位",
    ),
    "status": (
        "case:status", "status", "state", "状态", "工单状态", "case status", "ticket status", "request status",
        "办理状态", "案件状态",
    ),
    "reopened": (
        "reopened at", "reopened date", "reopened on", "reopen date", "reopen time", "reopened", "重新打开时间",
        "重办时间", "重启时间",
    ),
}  # fmt: skip


def plain(name: str) -> str:
    """Return a name as it is compared: lower case, without blanks, - and _."""
    return re.sub(r"[\s_\-]+", "", name.strip().casefold())


def cut_off(columns: Sequence[str]) -> dict[str, str]:
    """Return name -> column for columns cut to ten characters, as shapefiles have them; only where one role fits."""
    short = {name.strip().casefold(): name for name in columns if len(name.strip()) == DBASE}
    fits: dict[str, list[tuple[str, str]]] = {}
    for role, names in NAMES.items():
        for name in names:
            column = short.get(name.replace(" ", "_")[:DBASE]) if len(name) > DBASE else None
            if column is not None:
                fits.setdefault(column, []).append((role, plain(name)))
    return {some[0][1]: column for column, some in fits.items() if len({role for role, _ in some}) == 1}

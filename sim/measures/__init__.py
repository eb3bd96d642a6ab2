"""Indicators: what each measure of a run is, its unit, whether it reads true or reported state, and its formula.

Only the definitions stand here, light to import; `sim.measures.indicators` computes them from the tables of
a finished run. The *cohort* is the incidents that occur after warm-up and before cool-down; *trouble* is
every incident that is not an enquiry; it is *told* once any report reached anybody. Measures of true state divide by
incidents, never by cases. A measure has one name and one denominator, and both are shown together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sim.cases.catalogue import Title


@dataclass(frozen=True)
class Measure:
    """One indicator.

    Parameters
    ----------
    unit
        Unit of the value; ``share`` is 0 to 1.
    better
        Which direction is better, ``none`` where neither is.
    state
        Which state it reads: ``true``, ``reported``, or ``both``.
    title, formula
        Words in two languages.
    of
        What a share is a share of, what a mean or a count is taken over; None where nothing is left to say.
    """

    unit: str
    better: Literal["lower", "higher", "none"]
    state: Literal["true", "reported", "both"]
    title: Title
    formula: Title
    of: Title | None = None


def denominator(measure: Measure, lang: str) -> str:
    """Return what a measure is taken over, as it stands beside the title: "of told trouble"; empty where unsaid."""
    if getattr(measure, "of", None) is None:
        return ""
    said = getattr(measure.of, lang)
    share = measure.unit == "share"
    if lang == "zh":
        return f"占{said}" if share else f"范围：{said}"
    return f"of {said}" if share or measure.unit == "count" else f"over {said}"


def title_with_denominator(measure: Measure, lang: str) -> str:
    """Return the one name of a measure together with what it is taken over.

    Parameters
    ----------
    measure
        An indicator, or what `sim.measures.line_names.measure_of` found.
    lang
        ``"en"`` or ``"zh"``.
    """
    title, said = getattr(measure.title, lang), denominator(measure, lang)
    if not said:
        return title
    return f"{title}（{said}）" if lang == "zh" else f"{title} ({said})"


def _m(
    unit: str, better: str, state: str, en: str, zh: str, how: str, wie: str, of: str = "", of_zh: str = ""
) -> Measure:
    over = Title(en=of, zh=of_zh) if of else None
    return Measure(unit, better, state, Title(en=en, zh=zh), Title(en=how, zh=wie), over)  # type: ignore[arg-type]


MEASURES: dict[str, Measure] = {
    "true_resolution_days": _m("days", "lower", "true", "Time until trouble is over", "问题实际结束时长",
        "Restricted mean (Kaplan-Meier, to measure.restricted_mean_days) from occurrence until truly settled or "
        "passed by itself; what was given up counts as never over. It mixes all kinds of trouble, and what nobody "
        "told mostly passes by itself",
        "从发生到实际解决或自行消失的限制平均时间（Kaplan-Meier，限至 measure.restricted_mean_days）；放弃的视为未"
        "结束。各类问题合并计算，未反映的大多自行消失",
        "all trouble, told or not", "全部问题（含未反映）"),
    "joint_resolution_days": _m("days", "lower", "true", "Time until joint trouble is over", "跨部门事项解决时长",
        "The same restricted mean (to measure.restricted_mean_days), over trouble that truly needs two or more "
        "departments",
        "同上（限至 measure.restricted_mean_days），仅限确实需要两个及以上部门的问题",
        "told joint trouble", "已反映的跨部门事项"),
    "joint_resolution_share": _m("share", "higher", "true", "Joint trouble truly settled", "跨部门事项实际解决率",
        "Told trouble of the cohort that truly needs two or more departments and was truly settled / all of it",
        "队列内已反映且确需两个及以上部门的问题中实际解决的比例",
        "told joint trouble", "已反映的跨部门事项"),
    "true_resolution_share": _m("share", "higher", "true", "Truly settled", "实际解决率",
        "Trouble incidents of the cohort truly settled by the end of the run / all of them, told or not; what was "
        "never told is not settled, so it speaks of silence as much as of handling (see told_resolution_share)",
        "队列内问题在运行结束前实际解决的数量 / 全部问题；未反映的不算解决，因此也反映沉默程度（参见"
        " told_resolution_share）",
        "all trouble, told or not", "全部问题（含未反映）"),
    "told_resolution_share": _m("share", "higher", "true", "Told trouble truly settled", "已反映问题实际解决率",
        "Told trouble incidents of the cohort truly settled by the end of the run / told trouble incidents",
        "队列内已反映问题在运行结束前实际解决的数量 / 已反映问题",
        "told trouble", "已反映问题"),
    "reported_resolution_share": _m("share", "higher", "reported", "Reported settled", "系统登记解决率",
        "Cases of the cohort closed as settled / cases closed or open past their deadline",
        "队列内以“已解决”结案的案件 / 已结案或超期未结的案件",
        "cases closed or past their deadline", "已结案或超期的案件"),
    "truth_gap_share": _m("share", "lower", "both", "Settled on paper only", "仅账面解决率",
        "Cases closed as settled whose incident was not over when they were closed / cases closed as settled",
        "结案为“已解决”但当时问题并未结束的案件 / 结案为“已解决”的案件",
        "cases closed as settled", "以“已解决”结案的案件"),
    "reported_resolution_days": _m("days", "lower", "reported", "Time to closing", "结案时长",
        "Restricted mean (to measure.restricted_mean_days) from report to closing of the cohort's cases, open ones "
        "censored",
        "队列案件从反映到结案的限制平均时间（限至 measure.restricted_mean_days），未结案按删失处理",
        "cases of trouble", "问题案件"),
    "response_min": _m("min", "lower", "true", "Time to first arrival, all kinds mixed", "首次到场时间（各类合并）",
        "Mean minutes from first report to the first person at the place, restricted to "
        "measure.restricted_mean_days. It mixes ambulances with quarrels: read kind.<group>.response_min and the "
        "emergency measures",
        "从首次反映到首人到场的平均分钟数（限至 measure.restricted_mean_days）。救护与纠纷合并计算，请同时查看各类"
        "别的 kind.<group>.response_min 与应急指标",
        "told trouble", "已反映问题"),
    "emergency_response_min": _m("min", "lower", "true", "Emergency response", "应急响应时间",
        "Mean minutes from first report to first arrival, restricted to measure.restricted_mean_days. A few that "
        "wait for hours can lift it above its own 90th percentile: read it with emergency_late_count and "
        "emergency_hour_count",
        "从首次反映到首人到场的平均分钟数（限至 measure.restricted_mean_days）。少数等待数小时的事件可使其超过第90"
        "百分位，请与 emergency_late_count、emergency_hour_count 一并查看",
        "told emergencies", "已反映应急事件"),
    "emergency_response_p90_min": _m("min", "lower", "true", "Emergency response, 90th percentile",
        "应急响应时间第90百分位",
        "90th percentile of the same, within the replication; who is not reached counts with the time waited so far",
        "同上，取单次模拟内第90百分位；未到达者按已等待时间计",
        "told emergencies", "已反映应急事件"),
    "coverage_share": _m("share", "higher", "true", "Emergencies reached in time", "应急及时到达率",
        "Emergency incidents reached within measure.coverage_threshold_min of the report / told emergency incidents",
        "在 measure.coverage_threshold_min 内到达的应急事件 / 已反映的应急事件",
        "told emergencies", "已反映应急事件"),
    "emergency_told_count": _m("count", "none", "true", "Emergencies told", "已反映应急事件数",
        "Told incidents of the cohort whose type the catalogue marks as an emergency",
        "队列内目录标为应急的已反映事件数"),
    "emergency_late_count": _m("count", "lower", "true", "Emergencies not reached in time", "应急未及时到达数",
        "Told emergency incidents of the cohort that nobody reached within measure.coverage_threshold_min of the "
        "report",
        "队列内反映后 measure.coverage_threshold_min 内无人到达的应急事件数",
        "told emergencies", "已反映应急事件"),
    "emergency_hour_count": _m("count", "lower", "true", "Emergencies that waited long", "应急久候数",
        "Told emergency incidents of the cohort that nobody reached within measure.emergency_late_min of the report",
        "队列内反映后 measure.emergency_late_min 内无人到达的应急事件数",
        "told emergencies", "已反映应急事件"),
    "emergency_unattended_count": _m("count", "lower", "true", "Emergencies never reached", "应急始终无人到场数",
        "Told emergency incidents of the cohort that nobody had reached by the end of the run",
        "队列内至运行结束仍无人到场的已反映应急事件数",
        "told emergencies", "已反映应急事件"),
    "emergency_long_count": _m("count", "lower", "true", "Emergencies that lasted long", "应急久未结束数",
        "Told emergency incidents of the cohort that were not over within measure.emergency_long_h of their "
        "occurrence",
        "队列内发生后 measure.emergency_long_h 内仍未结束的已反映应急事件数",
        "told emergencies", "已反映应急事件"),
    "on_time_share": _m("share", "higher", "reported", "Closed on time", "按时办结率",
        "Cases of the cohort closed by their deadline (later by measure.on_time_margin of it at most) / cases "
        "whose deadline lies within the run",
        "在期限内（至多超出期限的 measure.on_time_margin）结案的案件 / 期限在运行期内的案件",
        "cases due within the run", "期限在运行期内的案件"),
    "true_on_time_share": _m("share", "higher", "true", "Truly over on time", "实际按时解决率",
        "Told trouble truly over by the deadline of its first case / told trouble with a deadline within the run; "
        "what was given up is not over",
        "在首个案件期限内实际结束的已反映问题 / 期限在运行期内的已反映问题；放弃的不算结束",
        "told trouble due within the run", "期限在运行期内的已反映问题"),
    "responded_share": _m("share", "higher", "reported", "Responded in time", "按时响应率",
        "Cases first attended by their response limit / cases whose limit lies within the run",
        "在响应期限内首次到场的案件 / 期限在运行期内的案件",
        "cases whose limit to respond lies within the run", "响应期限在运行期内的案件"),
    "satisfaction_share": _m("share", "higher", "reported", "Satisfied at call-back", "回访满意率",
        "Called-back cases whose resident was satisfied / called-back cases",
        "回访中表示满意的案件 / 已回访案件",
        "called-back cases", "已回访案件"),
    "true_satisfaction_share": _m("share", "higher", "true", "Satisfied, asked or not", "实际满意率",
        "Closed cases whose resident's score reaches the threshold / closed cases (enquiries apart)",
        "居民评分达到阈值的结案案件 / 全部结案案件（咨询除外）",
        "closed cases, enquiries apart", "结案案件（咨询除外）"),
    "repeat_share": _m("share", "lower", "true", "Came again", "重复诉求率",
        "Told trouble that was told again by its resident, reopened or petitioned / told trouble",
        "居民再次反映、重开或上访的已反映问题 / 已反映问题",
        "told trouble", "已反映问题"),
    "petitions_per_1000": _m("1/1000", "lower", "reported", "Petitions", "信访量",
        "Contacts of the cohort's trouble at the petition office per 1,000 told troubles",
        "队列问题在信访渠道的来件数，每千件已反映问题",
        "told trouble", "已反映问题"),
    "untold_share": _m("share", "lower", "true", "Never told", "未反映比例",
        "Trouble incidents of the cohort that no report ever reached / all of them",
        "从未被反映的问题事件 / 全部问题事件",
        "all trouble", "全部问题"),
    "lapsed_share": _m("share", "lower", "true", "Given up", "放弃比例",
        "Trouble incidents of the cohort whose resident gave up / all of them, told or not",
        "居民放弃的问题事件 / 全部问题事件（含未反映）",
        "all trouble, told or not", "全部问题（含未反映）"),
    "abandoned_share": _m("share", "lower", "both", "Calls given up", "来电放弃率",
        "Contacts that hung up before being answered / contacts that had a line to wait in",
        "接听前挂断的来电 / 全部需排队的来电",
        "contacts that had a line to wait in", "需排队的来电"),
    "bounces_per_case": _m("per case", "lower", "both", "Bounces", "退单次数",
        "Refusals and misfilings sent on, per case of the cohort (enquiries apart)",
        "每个案件（咨询除外）的拒收与错分退回次数",
        "cases of trouble", "问题案件"),
    "referrals_per_case": _m("per case", "none", "both", "Referrals", "转办次数",
        "Referrals to departments per case (enquiries apart)",
        "每个案件（咨询除外）的转办次数",
        "cases of trouble", "问题案件"),
    "escalations_per_case": _m("per case", "lower", "both", "Escalations", "逐级上报次数",
        "Steps up the ladder per case (enquiries apart)",
        "每个案件（咨询除外）逐级上报的次数",
        "cases of trouble", "问题案件"),
    "whistles_per_case": _m("per case", "none", "both", "Whistles", "吹哨次数",
        "Whistles per case (enquiries apart)",
        "每个案件（咨询除外）的吹哨次数",
        "cases of trouble", "问题案件"),
    "report_in_share": _m("share", "higher", "true", "Whistled departments there in time", "按时报到率",
        "Called departments at the place by the whistle's deadline / called departments whose deadline lies within "
        "the run, without those called off before it and before they had come",
        "在哨令期限内到场的部门 / 期限在运行期内的被吹哨部门（不含期限前、到场前已被撤回者）",
        "called departments", "被吹哨部门"),
    "quorum_h": _m("h", "lower", "true", "Whistle to quorum", "吹哨到齐时间",
        "Mean hours from a whistle to its quorum, whistles that reached it",
        "从吹哨到达到最低到场部门数的平均小时数，仅计已达到的哨令",
        "whistles that reached their quorum", "达到最低到场部门数的哨令"),
    "utilisation": _m("share", "none", "true", "Busy share of duty, delegated work included",
        "工时利用率（含交办事务）",
        "Minutes with cases (travel and waiting at the place included) and with delegated work / minutes on duty, "
        "all staff; overtime counts as work, so it may exceed 1",
        "处理案件（含路途与现场等待）与交办事务的分钟数 / 在岗分钟数，全体人员；加班计入，故可能超过1",
        "minutes on duty", "在岗分钟数"),
    "case_utilisation": _m("share", "none", "true", "Share of duty spent on cases", "案件工时占比",
        "Minutes with cases (travel and waiting at the place included) / minutes on duty, all staff; overtime "
        "counts as work, so it may exceed 1",
        "处理案件（含路途与现场等待）的分钟数 / 在岗分钟数，全体人员；加班计入，故可能超过1",
        "minutes on duty", "在岗分钟数"),
    "workload_gini": _m("1", "lower", "true", "Inequality of workload", "工作量不均衡度",
        "Gini coefficient of minutes with cases per minute on duty, over staff with duty (0 equal, towards 1 "
        "concentrated)",
        "在岗人员单位在岗时间案件工时的基尼系数（0为均等，趋近1为集中）",
        "staff with duty", "在岗人员"),
    "overtime_h_per_staff": _m("h", "lower", "true", "Overtime", "加班",
        "Hours of work after duty per member of staff and 30 days",
        "每人每30天的加班小时数",
        "staff and 30 days", "每人每30天"),
    "cost_yuan_per_day": _m("yuan/day", "lower", "true", "Cost of staff and coordination", "人员与协调成本",
        "Wages of duty, overtime at cost.overtime_factor, vehicles while busy, whistles, referrals and call-backs, "
        "per day of the whole run",
        "在岗工资、加班（乘 cost.overtime_factor）、车辆、吹哨、转办与回访成本，全期每日"),
    "cost_yuan_per_resolved": _m("yuan", "lower", "true", "Cost per truly settled trouble", "单件实际解决成本",
        "Cost of the whole run / trouble truly settled in the whole run",
        "全期成本 / 全期实际解决的问题数",
        "trouble truly settled", "实际解决的问题"),
    "loss_yuan": _m("yuan/day", "lower", "true", "Loss to residents and society", "居民与社会损失",
        "Hours until trouble of the cohort is over (to the end of the run at most) times its loss per hour, per "
        "day of the cohort; a few fires weigh as much as all disputes (see kind.<group>.loss_yuan)",
        "队列问题结束前的小时数（至运行结束）乘以每小时损失，每日；少数火灾可与全部纠纷相当（参见"
        " kind.<group>.loss_yuan）",
        "all trouble, told or not", "全部问题（含未反映）"),
    "loss_emergency_yuan": _m("yuan/day", "lower", "true", "Loss from emergencies", "应急事件损失",
        "The same, over incidents whose type the catalogue marks as an emergency",
        "同上，仅限目录标为应急的事件",
        "emergencies, told or not", "应急事件（含未反映）"),
    "loss_other_yuan": _m("yuan/day", "lower", "true", "Loss from other trouble", "其他问题损失",
        "The same, over all other trouble",
        "同上，仅限其他问题",
        "trouble that is no emergency, told or not", "非应急问题（含未反映）"),
    "incidents": _m("count", "none", "true", "Incidents", "事件数",
        "Incidents of the cohort, enquiries included",
        "队列事件数（含咨询）"),
    "cases": _m("count", "none", "reported", "Cases", "案件数",
        "Cases of the cohort's incidents, enquiries included",
        "队列事件的案件数（含咨询）"),
    "contacts_per_1000_day": _m("1/1000/day", "none", "reported", "Hotline contacts", "热线来件",
        "Reports by hotline and app per 1,000 residents and day of the whole run",
        "全期每千居民每日热线与应用来件数",
        "residents and days", "每千居民每日"),
    "events": _m("count", "none", "true", "Engine events", "引擎事件数",
        "Advances of the clock that changed state",
        "推进时钟并改变状态的事件数"),
}  # fmt: skip

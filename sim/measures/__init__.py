"""Indicators: what each measure of a run is, its unit, whether it reads true or reported state, and its formula.

Only the definitions stand here, light to import; `sim.measures.indicators` computes them from the tables of
a finished run. The *cohort* is the incidents that occur after warm-up and before cool-down; *trouble* is
every incident that is not an enquiry. Measures of true state divide by incidents, never by cases.
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
    """

    unit: str
    better: Literal["lower", "higher", "none"]
    state: Literal["true", "reported", "both"]
    title: Title
    formula: Title


def _m(unit: str, better: str, state: str, en: str, zh: str, how: str, wie: str) -> Measure:
    return Measure(unit, better, state, Title(en=en, zh=zh), Title(en=how, zh=wie))  # type: ignore[arg-type]


MEASURES: dict[str, Measure] = {
    "true_resolution_days": _m("days", "lower", "true", "Time until trouble is over", "问题真正结束所需时间",
        "Restricted mean (Kaplan-Meier, to measure.restricted_mean_days) from occurrence until truly settled or "
        "passed by itself, over trouble incidents of the cohort; what lapsed counts as never over",
        "队列内问题事件从发生到真正解决或自行消失的限制平均时间（Kaplan-Meier，限至 "
        "measure.restricted_mean_days）；放弃的视为未结束"),
    "joint_resolution_days": _m(
        "days",
        "lower",
        "true",
        "Time until joint trouble is over",
        "需多部门处理的问题结束所需时间",
        "The same restricted mean over told trouble of the cohort that truly needs two or more departments",
        "同上，仅限队列内已上报且确实需要两个及以上部门的问题",
    ),
    "joint_resolution_share": _m(
        "share",
        "higher",
        "true",
        "Joint trouble truly settled",
        "需多部门处理的问题真实解决率",
        "Told trouble of the cohort that truly needs two or more departments and was truly settled / all of it",
        "队列内已上报且确需两个及以上部门的问题中真正解决的比例",
    ),
    "true_resolution_share": _m("share", "higher", "true", "Truly settled", "真实解决率",
        "Trouble incidents of the cohort truly settled by the end of the run / all of them, told or not",
        "队列内问题事件在运行结束前真正解决的数量 / 全部（无论是否上报）"),
    "reported_resolution_share": _m("share", "higher", "reported", "Reported settled", "上报解决率",
        "Cases of the cohort closed as settled / cases closed or open past their deadline",
        "队列内以“已解决”结案的案件 / 已结案或超期未结的案件"),
    "truth_gap_share": _m("share", "lower", "both", "Settled on paper only", "账面解决率",
        "Cases closed as settled whose incident was not over when they were closed / cases closed as settled",
        "结案为“已解决”但当时问题并未结束的案件 / 结案为“已解决”的案件"),
    "reported_resolution_days": _m("days", "lower", "reported", "Time to closing", "结案时间",
        "Restricted mean from report to closing of the cohort's cases, open ones censored",
        "队列案件从上报到结案的限制平均时间，未结案按删失处理"),
    "response_min": _m("min", "lower", "true", "Time to first arrival", "首次到场时间",
        "Mean minutes from first report to the first person at the place, over told trouble of the cohort, "
        "restricted to measure.restricted_mean_days",
        "队列内已上报问题从首次上报到首人到场的平均分钟数（限制平均）"),
    "emergency_response_min": _m("min", "lower", "true", "Emergency response", "应急响应时间",
        "Mean minutes from first report to first arrival, over told incidents of emergency types",
        "应急类事件从首次上报到首人到场的平均分钟数"),
    "emergency_response_p90_min": _m("min", "lower", "true", "Emergency response, 90th percentile",
        "应急响应时间第90百分位",
        "90th percentile of the same, within the replication", "同上，取单次重复内第90百分位"),
    "coverage_share": _m("share", "higher", "true", "Emergencies reached in time", "应急及时到达率",
        "Emergency incidents reached within measure.coverage_threshold_min of the report / told emergency incidents",
        "在 measure.coverage_threshold_min 内到达的应急事件 / 已上报的应急事件"),
    "on_time_share": _m("share", "higher", "reported", "Closed on time", "按时办结率",
        "Cases of the cohort closed by their deadline / cases whose deadline lies within the run",
        "在期限内结案的案件 / 期限在运行期内的案件"),
    "true_on_time_share": _m("share", "higher", "true", "Truly over on time", "真实按时解决率",
        "Told trouble truly over by the deadline of its first case / told trouble with a deadline within the run",
        "在首个案件期限内真正结束的已上报问题 / 期限在运行期内的已上报问题"),
    "responded_share": _m("share", "higher", "reported", "Responded in time", "按时响应率",
        "Cases first attended by their response limit / cases whose limit lies within the run",
        "在响应期限内首次到场的案件 / 期限在运行期内的案件"),
    "satisfaction_share": _m("share", "higher", "reported", "Satisfied at call-back", "回访满意率",
        "Called-back cases whose resident was satisfied / called-back cases", "回访中表示满意的案件 / 已回访案件"),
    "true_satisfaction_share": _m("share", "higher", "true", "Satisfied, asked or not", "真实满意率",
        "Closed cases whose resident's score reaches the threshold / closed cases (enquiries apart)",
        "居民评分达到阈值的结案案件 / 全部结案案件（咨询除外）"),
    "repeat_share": _m("share", "lower", "true", "Came again", "重复诉求率",
        "Told trouble that was told again by its resident, reopened or petitioned / told trouble",
        "居民再次反映、重开或上访的已上报问题 / 已上报问题"),
    "untold_share": _m("share", "lower", "true", "Never told", "未上报比例",
        "Trouble incidents of the cohort that no report ever reached / all of them",
        "从未被上报的问题事件 / 全部问题事件"),
    "lapsed_share": _m("share", "lower", "true", "Given up", "放弃比例",
        "Trouble incidents of the cohort whose resident gave up / all of them", "居民放弃的问题事件 / 全部问题事件"),
    "abandoned_share": _m("share", "lower", "both", "Calls given up", "来电放弃率",
        "Contacts that hung up before being answered / contacts that had a line to wait in",
        "接听前挂断的来电 / 全部需排队的来电"),
    "bounces_per_case": _m("per case", "lower", "both", "Bounces", "推诿次数",
        "Refusals and misfilings sent on, per case of the cohort (enquiries apart)",
        "每个案件（咨询除外）的拒收与转错次数"),
    "referrals_per_case": _m("per case", "none", "both", "Referrals", "转办次数",
        "Referrals to departments per case (enquiries apart)", "每个案件（咨询除外）的转办次数"),
    "escalations_per_case": _m("per case", "lower", "both", "Escalations", "上报层级次数",
        "Steps up the ladder per case (enquiries apart)", "每个案件（咨询除外）的上报次数"),
    "whistles_per_case": _m("per case", "none", "both", "Whistles", "吹哨次数",
        "Whistles per case (enquiries apart)", "每个案件（咨询除外）的吹哨次数"),
    "report_in_share": _m("share", "higher", "true", "Whistled departments there in time", "按时报到率",
        "Called departments at the place before the whistle's deadline / called departments",
        "在哨令期限内到场的部门 / 被吹哨部门"),
    "quorum_h": _m("h", "lower", "true", "Whistle to quorum", "吹哨到齐时间",
        "Mean hours from a whistle to its quorum, whistles that reached it", "吹哨到达到法定到场数的平均小时数"),
    "utilisation": _m("share", "none", "true", "Busy share of duty", "在岗忙碌率",
        "Minutes with cases and delegated work / minutes on duty, all staff",
        "处理案件与交办工作的分钟数 / 在岗分钟数"),
    "case_utilisation": _m("share", "none", "true", "Case share of duty", "案件占用率",
        "Minutes with cases (travel and waiting included) / minutes on duty, all staff",
        "处理案件（含路途与等待）的分钟数 / 在岗分钟数"),
    "workload_gini": _m("1", "lower", "true", "Inequality of workload", "工作量不均衡度",
        "Gini coefficient of minutes with cases per minute on duty, over staff with duty",
        "在岗人员单位在岗时间案件工时的基尼系数"),
    "overtime_h_per_staff": _m("h", "lower", "true", "Overtime", "加班",
        "Hours of work after duty per member of staff and 30 days", "每人每30天的加班小时数"),
    "cost_yuan_per_day": _m("yuan/day", "lower", "true", "Cost of staff and coordination", "人员与协调成本",
        "Wages of duty, overtime at cost.overtime_factor, vehicles while busy, whistles, referrals and call-backs, "
        "per day",
        "在岗工资、加班（乘 cost.overtime_factor）、车辆、吹哨、转办与回访成本，每日"),
    "cost_yuan_per_resolved": _m("yuan", "lower", "true", "Cost per truly settled trouble", "每件真实解决成本",
        "Cost of the whole run / trouble truly settled in the whole run", "全期成本 / 全期真正解决的问题数"),
    "loss_yuan": _m("yuan/day", "lower", "true", "Loss to residents and society", "居民与社会损失",
        "Hours until trouble of the cohort is over (to the end of the run at most) times its loss per hour, per day "
        "of the cohort",
        "队列问题结束前的小时数（至运行结束）乘以每小时损失，每日"),
    "incidents": _m("count", "none", "true", "Incidents", "事件数", "Incidents of the cohort", "队列事件数"),
    "cases": _m("count", "none", "reported", "Cases", "案件数", "Cases of the cohort's incidents", "队列事件的案件数"),
    "contacts_per_1000_day": _m("1/1000/day", "none", "reported", "Hotline contacts", "热线来件",
        "Reports by hotline and app per 1,000 residents and day of the whole run", "全期每千居民每日热线与应用来件数"),
    "events": _m("count", "none", "true", "Engine events", "引擎事件数", "Advances of the clock that changed state",
        "推进时钟并改变状态的事件数"),
}  # fmt: skip

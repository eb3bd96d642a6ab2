"""What the codes of a finding about forms, repetitions and the ends of cases mean, in English; see `kinds`.

Kept apart from `calibration.caselog.kinds` for its length alone; that module holds the rest and is the one to ask.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """The words of one code."""

    problem: str
    consequence: str
    remedy: str


MORE: dict[str, Kind] = {
    "broken_json": Kind(
        "The JSON cannot be read: {found}.",
        "Nothing was read.",
        "export the file again",
    ),
    "ocel": Kind(
        "This is an object-centric log (OCEL, seen by {found}).",
        "Its events belong to several objects at once; a case log needs one case for each.",
        "flatten it on one kind of object, and give the result as XES or CSV",
    ),
    "nested_column": Kind(
        "The column '{found}', wanted as '{column}', holds lists or records ({allowed}).",
        "A case has one value of each.",
        "name another column in the map, or leave the role out",
    ),
    "nothing_of_it": Kind(
        "No row has {found} in '{column}', as 'only' in the map asks.",
        "There is nothing to fit.",
        "name values that are in the file",
    ),
    "bare_numbers": Kind(
        "The times in '{column}' are bare numbers ({found}).",
        "Neither their unit nor the moment they count from is told.",
        "write both into the map: 'time_format: \"minutes since 2026-03-02 00:00\"' (or seconds, hours, "
        "days), or 'excel', 'unix_s'",
    ),
    "no_closing_times": Kind(
        "No case has a time of closing: {count} of {total} are closed by their status, without a date.",
        "How long cases take cannot be learnt.",
        "map the column of closing ('closed')",
    ),
    "repeated_events": Kind(
        "{count} of {total} events repeat an earlier one exactly.",
        "They are kept: where clocks are coarse they may have happened twice. Opening, closing and duration "
        "are the same without them; counts of events are not.",
        "nothing, if they are real; else 'repeated_rows: drop' in the map",
    ),
    "repeats_dropped": Kind(
        "{count} of {total} rows repeat an earlier one exactly.",
        "They are left out, as the map says ('repeated_rows').",
        "nothing",
    ),
    "closed_without_date": Kind(
        "{count} of {total} cases are closed by '{column}' ({found}) and have no date of closing.",
        "They ended at an unknown time: they count as arrivals, are not open, and say nothing about durations.",
        "export the date if there is one; if other statuses close a case, name them in the map ('closing_statuses')",
    ),
    "dated_not_closed": Kind(
        "{count} of {total} cases have a date of closing, but their '{column}' ({found}) is none of the "
        "map's 'closing_statuses'.",
        "They are read as open, as the map says.",
        "add those statuses, or leave 'closing_statuses' out to trust the dates",
    ),
    "dated_open_word": Kind(
        "{count} of {total} cases have a date of closing, but their '{column}' says they are open ({found}).",
        "They are read as closed at that date.",
        "name the statuses that close a case in the map ('closing_statuses'); all others are open then",
    ),
    "undated_like_closed": Kind(
        "{count} of {total} cases have no date of closing, though most cases whose '{column}' is the same ({found}) "
        "have one.",
        "They are read as open.",
        "if that status closes a case, name it in the map ('closing_statuses'); all others are open then",
    ),
    "reopened": Kind(
        "{count} of {total} cases were opened again after their closing ('{column}': {found}) and not closed later.",
        "They are open at the end (censored).",
        "if these do not open a case again, name them in the map ('after_closing: [...]'), or leave the "
        "role 'reopened' out",
    ),
    "reopened_sometime": Kind(
        "{count} of {total} closed cases were opened again at some time.",
        "The log does not say when; their closing is taken as the last one.",
        "map a column with the time of reopening ('reopened') if there is one",
    ),
    "events_after_closing": Kind(
        "{count} of {total} cases have events after their date of closing ('{column}': {found}).",
        "The date is trusted: they are closed.",
        "to let events decide, name the closing ones in the map ('closing_activities') instead of 'closed'",
    ),
    "loose_events": Kind(
        "{count} of {total} events stand outside every trace.",
        "They belong to no case and are not read.",
        "export the log with its traces, if they matter",
    ),
    "unnamed_traces": Kind(
        "{count} of {total} traces have no name.",
        "Each is a case all the same, named by its number.",
        "nothing",
    ),
    "global_default": Kind(
        "{count} of {total} events have no '{column}' of their own.",
        "They have the default that the log declares for all ('{found}').",
        "if it only fills the place, name it in the map ('missing_words')",
    ),
    "only_some": Kind(
        "{count} of {total} rows have {found} in '{column}'.",
        "Only these are read, as the map says ('only').",
        "nothing",
    ),
    "doubtful_words": Kind(
        "{count} of {total} values of '{column}' are {found}.",
        "They are read as they stand.",
        "if they stand for nothing, say so in the map: 'missing_words: {{ROLE: [\"WORD\"]}}'",
    ),
}

"""What each code of a finding means, in English: the trouble, what follows from it, what to do; and the words around.

The texts are templates filled from a finding's fields (``count``, ``total``, ``share``, ``column``, ``found``,
``allowed``). A refusal must be able to speak without the language files, which lie above this package; those hold
the same words under ``caselog``, and a test keeps them equal.
"""

from __future__ import annotations

from calibration.caselog.kinds_cases import MORE, Kind


def shorter(text: str, most: int = 300) -> str:
    """Cut a text that would fill a screen, visibly."""
    return text if len(text) <= most else text[: most - 1] + "…"


_DROP = "mend the file, or leave them out and have them counted: --on-bad-rows drop"

WORDS = {
    "refused": "{file}: the case log cannot be used as it is. Reasons: {count}.",
    "seen": "Seen: {text}",
    "allowed": "Allowed: {text}",
    "so": "So: {text}",
    "do": "Do: {text}",
    "further": "Further: {text}",
    "noticed": "Also noticed: {text}",
    "read": "{file} ({form}): {cases} cases, {events} events, {first} to {last}, clocks of {zone}.",
    "open": "Open at the end: {open}. With a deadline and an end: {judged}; late: {late}.",
    "severities.refuse": "refused",
    "severities.drop": "left out",
    "severities.warn": "warning",
    "severities.note": "note",
}

KINDS: dict[str, Kind] = {
    **MORE,
    # the file
    "unreadable": Kind("The file cannot be read: {found}.", "Nothing was read.", "check the path and the permissions"),
    "too_large": Kind(
        "The file is too large: {found}.",
        "It would not fit into memory safely.",
        "split it by period and calibrate on one part",
    ),
    "truncated_gzip": Kind(
        "The gzip file is damaged or cut off: {found}.",
        "The cases at its end are missing, so nothing of it is used.",
        "copy or download the file again; 'gzip -t FILE' must say nothing",
    ),
    "not_a_log": Kind(
        "The content is not a case log: {found}.",
        "Nothing was read.",
        "give a CSV, JSON, Parquet, Arrow or XES file",
    ),
    "encoding": Kind(
        "The text cannot be decoded: {found}.",
        "Names would be wrong or lost.",
        "save the file as UTF-8, or write its encoding into the map, such as 'encoding: gb18030'",
    ),
    "damaged_text": Kind(
        "{count} cells hold replacement characters (U+FFFD), traces of an earlier wrong conversion.",
        "Different names may have become alike.",
        "export the log again as UTF-8, or take the names as they are: 'accept: [damaged_text]' in the map",
    ),
    "broken_csv": Kind(
        "The table is broken: {found}.",
        "Rows cannot be told apart reliably.",
        "export the file again; a quotation mark is likely left open",
    ),
    "broken_xml": Kind(
        "The XML is not well formed or ends too early: {found}.",
        "What follows that place cannot be read.",
        "export or copy the file again",
    ),
    "not_xes": Kind(
        "This XML is not an XES log: {found}.",
        "No case was found in it.",
        "give a file whose root is <log> with <trace> inside",
    ),
    "unsafe_xml": Kind(
        "The XML declares a document type or entities: {found}.",
        "Such files can exhaust memory or read other files; they are not opened.",
        "export the log without DOCTYPE",
    ),
    "broken_parquet": Kind(
        "The Parquet or Arrow file cannot be read: {found}.",
        "Nothing was read.",
        "write the file again",
    ),
    "no_rows": Kind("The log holds no rows.", "There is nothing to fit.", "check the export's period and filters"),
    "one_case": Kind(
        "The log holds one case only, '{found}'.",
        "Neither arrivals nor durations can be learnt from one case.",
        "check which column holds the case id",
    ),
    # the columns
    "missing_column": Kind(
        "The column '{found}', wanted as '{column}', is not in the file.",
        "The log cannot be put together without it.",
        "name an existing column in the map (--map), or leave the role out",
    ),
    "no_case_column": Kind(
        "No column was recognised as the case id.",
        "Rows cannot be put together into cases.",
        "name it in a map (--map): 'case: COLUMN'",
    ),
    "no_time_column": Kind(
        "No column was recognised as the time of an event or of a case's opening.",
        "Without times nothing can be fitted.",
        "name it in a map (--map): 'time: COLUMN' for a log of events, 'opened: COLUMN' for one row per case",
    ),
    "column_twice": Kind(
        "The column name '{found}' stands {count} times in the header.",
        "It is not clear which one is meant.",
        "rename one of them",
    ),
    # rows
    "ragged": Kind(
        "{count} of {total} rows have not as many fields as the header ({found}).",
        "Their values may stand in the wrong columns.",
        _DROP,
    ),
    "no_case_id": Kind(
        "{count} of {total} rows have no case id.",
        "They belong to no case.",
        "mend the file, name other columns ('case: [COLUMN, COLUMN]'), or leave them out and have them "
        "counted: --on-bad-rows drop",
    ),
    "no_time": Kind("{count} of {total} rows have no time in '{column}'.", "They cannot be placed.", _DROP),
    "unparsable_time": Kind(
        "{count} of {total} times in '{column}' cannot be read.",
        "They cannot be placed.",
        "name their form in the map, such as 'time_format: \"%d-%m-%Y %H:%M\"', or the words that stand for nothing "
        "('missing_words'); or mend the file, or --on-bad-rows drop",
    ),
    "mixed_times": Kind(
        "Times in '{column}' are written in several ways: {found}.",
        "Day and month, or units, could be confused.",
        "bring the column into one form, or name the forms in the map, to be tried in turn: 'time_format: "
        '["%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M"]\'',
    ),
    "ambiguous_dates": Kind(
        "The dates in '{column}' fit both day-month and month-day order ({found}).",
        "Most days would be wrong if guessed badly.",
        "write the form into the map: 'time_format: \"%d/%m/%Y %H:%M\"' or '\"%m/%d/%Y %H:%M\"'",
    ),
    "two_digit_years": Kind(
        "The dates in '{column}' have two-digit years ({found}).",
        "Day, month and year cannot be told apart safely.",
        "write the form into the map: 'time_format: \"%d/%m/%y %H:%M\"'",
    ),
    "mixed_zones": Kind(
        "Time zones are mixed: {count} of {total} times in '{column}' have no offset, the others have one.",
        "Durations and hours would be wrong by the difference.",
        "export all times with their offset, or all in one zone without offsets and name it (--zone); or "
        "read those without one in that zone: 'accept: [mixed_zones]' in the map",
    ),
    "several_zones": Kind(
        "Time zones are mixed: the offsets {found} belong to no single zone.",
        "Durations are right, but hours of the day have no common clock.",
        "export all times in one zone; or name the zone whose hours count (--zone) and write 'accept: "
        "[several_zones]' into the map",
    ),
    "other_zone": Kind(
        "The offsets are not those of {allowed}: {found}.",
        "Hours of the day and working time would be shifted.",
        "give the zone in which the clocks stood (--zone); or count hours in that other zone all the same: "
        "'accept: [other_zone]' in the map",
    ),
    "date_only": Kind(
        "All times in '{column}' are dates without a clock time.",
        "Durations below a day and arrivals by hour cannot be learnt.",
        "export the full time stamps, or map a column that has them; or read them as midnights, with "
        "durations in whole days: 'accept: [date_only]' in the map",
    ),
    "future": Kind(
        "{count} of {total} times in '{column}' lie in the future.",
        "What is recorded has happened; such stamps are mistakes.",
        _DROP,
    ),
    "impossible_time": Kind(
        "{count} of {total} times in '{column}' are impossible (before 1900, after 2100, or the 1970-01-01 "
        "placeholder).",
        "They would stretch the log's window over decades.",
        _DROP,
    ),
    "duplicates": Kind(
        "{count} of {total} rows repeat an earlier row exactly.",
        "Work and arrivals would be counted twice.",
        "export without repetition, or leave the repetitions out: 'repeated_rows: drop' in the map, or "
        "--on-bad-rows drop",
    ),
    "duplicate_cases": Kind(
        "{count} of {total} case ids stand for several cases, with different '{column}'.",
        "Different cases would be melted into one.",
        "map what tells them apart ('case: [COLUMN, COLUMN]'; XES: no 'case', so that each trace is one), "
        "read a part ('only: {{COLUMN: VALUE}}'), or leave these cases out: --on-bad-rows drop",
    ),
    "start_after_end": Kind(
        "{count} of {total} events end before they start ('{column}').", "Their durations would be negative.", _DROP
    ),
    "closed_before_opened": Kind(
        "{count} of {total} cases end before they start ('{column}').",
        "Their durations would be negative.",
        "map columns that belong together (opened, closed), or leave these cases out: --on-bad-rows drop",
    ),
    "against_order": Kind(
        "{count} of {total} events have an earlier time than the event before them in the order that the file "
        "states ('{column}').",
        "Either times or order are wrong.",
        "to trust the times, leave the role 'order' out of the map (XES: set 'sort_by_time: true'); or "
        "--on-bad-rows drop",
    ),
    "impossible_duration": Kind(
        "{count} of {total} cases last longer than {allowed}.",
        "A wrong time stamp is the likely cause; means would be ruled by it.",
        _DROP,
    ),
    "all_open": Kind(
        "No case is closed: all {total} are censored.",
        "How long cases take cannot be learnt.",
        "map the column of closing ('closed'), or the activities or statuses that close a case; name "
        "activities that follow a closing without opening the case again ('after_closing')",
    ),
    "too_many_dropped": Kind(
        "{count} of {total} rows would be left out.",
        "What is left would not stand for the log.",
        "mend the file or the map; or use what is left: 'accept: [too_many_dropped]' in the map",
    ),
    # warnings
    "no_zone": Kind(
        "Times carry no offset and no zone is given.",
        "They are taken as UTC: durations across a clock change are an hour off.",
        "give the zone of the clocks: --zone Europe/Amsterdam",
    ),
    "fixed_offset": Kind(
        "All offsets are {found}.",
        "Hours of the day are counted at that offset; local office hours may be shifted.",
        "give the zone of the clocks: --zone Asia/Shanghai",
    ),
    "nonexistent_clock": Kind(
        "{count} of {total} clock times do not exist in {found} (skipped when summer time began).",
        "They are read with the offset before the change, an hour later by the clock, or with the one after "
        "where the case's next time asks for it.",
        "nothing, if they are few",
    ),
    "ambiguous_clock": Kind(
        "{count} of {total} clock times stand twice in {found} (when summer time ended).",
        "The first reading is taken, the second where the case's time before asks for it.",
        "export times with offsets",
    ),
    "some_dates_only": Kind(
        "{count} of {total} times in '{column}' stand at exactly midnight.",
        "Where these are dates without a clock time, durations are uncertain by up to a day.",
        "map a column with clock times if there is one",
    ),
    "placeholder": Kind(
        "{count} of {total} times in '{column}' are placeholders ({found}).", "They are read as: none yet.", "nothing"
    ),
    "out_of_order": Kind(
        "{count} of {total} events stand in the file after a later event of their case.",
        "Events are sorted by time.",
        "map a column 'order' if the file's own sequence matters",
    ),
    "no_end_marker": Kind(
        "Nothing in the log says that a case is closed.",
        "Each is taken as closed at its last event; {count} of {total} had an event in the last {found} days "
        "and may go on.",
        "name the closing activities or statuses in the map, or set 'quiet_days' to censor recently active cases",
    ),
    "only_closed": Kind(
        "No case is open at the end, though about {found} would be expected.",
        "The log seems to hold closed cases only: long cases that opened late are missing, and arrivals thin "
        "out at the end.",
        "export by time of opening, or split well before the end",
    ),
    "ended_before_opened": Kind(
        "{count} of {total} cases have their end ('{column}') before their opening.",
        "The end serves only to judge the deadline; durations do not use it.",
        "check what the column means",
    ),
    "ended_before_last": Kind(
        "{count} of {total} cases have events after their end ('{column}').",
        "Cycle times run to the last event, not to that end.",
        "check what the column means",
    ),
    "deadline_before_opening": Kind(
        "{count} of {total} deadlines lie before their case's opening.",
        "These cases are late from the start.",
        "check what the column means",
    ),
    "overdue_open": Kind(
        "{count} of {total} cases have no end though their deadline has passed.",
        "The late share counts ended cases only; with these it would be {found}.",
        "nothing",
    ),
    "attribute_changes": Kind(
        "{count} of {total} cases change their '{column}' on the way.", "The first value is used.", "nothing"
    ),
    "unpaired_starts": Kind(
        "{count} of {total} starts have no completion.", "They count as begun and not done.", "nothing"
    ),
    "thin_window": Kind(
        "{share} of the cases open outside the period from {found}.",
        "Sparse edges make a trend look like growth or decay.",
        "calibrate on the dense period",
    ),
    # notes
    "detected_encoding": Kind(
        "The text is not UTF-8; read as {found}.",
        "If names look wrong, it was guessed wrongly.",
        "write 'encoding:' into the map to be sure",
    ),
    "guessed_map": Kind(
        "Columns were recognised by their names: {found}.",
        "All that follows rests on this.",
        "keep or change this as a map (--map)",
    ),
    "zone_by_offsets": Kind(
        "The offsets follow the clock changes of {found}.",
        "That zone is used for hours of the day.",
        "give another of the same rules with --zone",
    ),
    "deadline_days": Kind(
        "Deadlines in '{column}' are dates.", "A deadline holds until the end of its day.", "nothing"
    ),
    "split": Kind(
        "{count} of {total} cases open at the split are censored there.",
        "{found} later events are not seen by the fit.",
        "nothing",
    ),
    "renamed": Kind("{count} values of '{column}' were renamed by the map.", "Fits use the new names.", "nothing"),
}


def english(key: str, **fields: object) -> str:
    """Return the English text under a key of the language files' section ``caselog`` (``caselog.seen``)."""
    name = key.removeprefix("caselog.")
    if name.startswith("findings."):
        _, code, part = name.split(".")
        return str(getattr(KINDS[code], part)).format(**fields)
    return WORDS[name].format(**fields)

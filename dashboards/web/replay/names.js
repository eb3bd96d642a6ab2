// Names of people, cases and events of a run, from what the server says once about it.

export class Names {
  constructor(about, t) { Object.assign(this, { about, t }); }

  person(s) {
    const { staff, posts } = this.about;
    return this.t("person", { post: posts[staff.post[s]].title, area: staff.area_names[staff.area[s]], slot: staff.slot[s] });
  }

  type(row) { return this.about.types[row]?.title ?? ""; }

  typeNamed(name) { return this.about.types.find((type) => type.name === name)?.title ?? name; }

  departmentNamed(name) { return this.about.departments.find((one) => one.name === name)?.title ?? name; }

  channelNamed(name) { return this.about.channels.find((one) => one.name === name)?.title ?? name; }

  activity(doing) { return this.t(`activities.${doing.turningOut ? "turnout" : this.about.activities[doing.activity]}`); }

  /** One line about an event of a frame. */
  event(frame, i) {
    const a = frame.a, kind = this.about.kinds[a.v_kind[i]], c = a.v_case[i];
    const row = c >= 0 ? frame.caseRow.get(c) : undefined;
    const type = this.type(row !== undefined ? a.c_type[row] : a.v_type[i]); // as filed while the case is at hand
    const what = c >= 0 ? this.t("case", { n: c, type }) : type;
    return { kind, words: this.t(`kinds.${kind}`), what, case: c, staff: a.v_staff[i], minute: frame.start + a.v_time[i] };
  }
}

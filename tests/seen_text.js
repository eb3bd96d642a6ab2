// Returns every text that a reader of the page can come to see, but what is marked as kept in the language `kept` (English);
// see test_browser_chinese.py.
kept => {
  const skip = `code,pre,kbd,script,style,noscript,[lang=${kept ?? 'en'}]`;
  const out = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const n = walk.currentNode;
    if (n.parentElement && !n.parentElement.closest(skip)) out.push(n.data);
  }
  for (const e of document.querySelectorAll('*')) {
    if (e.closest(skip)) continue;
    for (const a of ['aria-label', 'title', 'placeholder', 'alt', 'data-head']) {
      const v = e.getAttribute(a); if (v) out.push(v);
    }
  }
  const deep = v => { if (typeof v === 'string') out.push(v.replace(/%\{[^}]*\}/g, ' ').replace(/<[^>]*>/g, ' '));
    else if (Array.isArray(v)) v.slice(0, 400).forEach(deep); };
  for (const p of document.querySelectorAll('.js-plotly-plot')) {
    for (const d of p.data || []) for (const k of ['name', 'text', 'hovertext', 'hovertemplate', 'customdata', 'x', 'y']) deep(d[k]);
    for (const d of p.data || []) { if (d.node) { deep(d.node.label); deep(d.node.customdata); deep(d.node.hovertemplate);} if (d.link) {deep(d.link.customdata); deep(d.link.hovertemplate); deep(d.link.label);} }
    for (const [k, v] of Object.entries(p.layout || {})) {
      if (/^[xy]axis/.test(k) && v.title) deep(v.title.text);
      if (k === 'annotations') v.forEach(a => deep(a.text));
    }
  }
  return out;
}

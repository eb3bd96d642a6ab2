/* Draws the figures that lie in the page as data. It fetches nothing. */
(function () {
  "use strict";
  var read = function (id) { return JSON.parse(document.getElementById(id).textContent); };
  var locale = read("locale");
  if (locale.name !== "en") {
    Plotly.register({ moduleType: "locale", name: locale.name, dictionary: locale.dictionary, format: {} });
  }
  var plots = Array.prototype.slice.call(document.querySelectorAll(".plot[data-figure]"));

  var draw = function (plot) {
    var spec = read(plot.dataset.figure);
    return Plotly.newPlot(plot, spec.data, spec.layout, spec.config);
  };
  // One figure at a time, so that a reader can scroll while the later ones are drawn.
  plots.reduce(function (before, plot) {
    return before.then(function () { return draw(plot); }).then(function () {
      return new Promise(function (go) { window.setTimeout(go, 0); });
    });
  }, Promise.resolve()).then(function () { document.body.dataset.ready = "true"; });

  // Figures know their width in pixels only; paper has its own.
  var PAPER_PX = 680;
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (d) { if (!d.querySelector("table")) { d.open = true; } });
    plots.forEach(function (plot) { if (plot.layout) { Plotly.relayout(plot, { width: PAPER_PX, autosize: false }); } });
  });
  window.addEventListener("afterprint", function () {
    plots.forEach(function (plot) { if (plot.layout) { Plotly.relayout(plot, { width: null, autosize: true }); } });
  });
})();

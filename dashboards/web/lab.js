// The analysis pages' own few functions in the browser. Dash calls `shown` by name, so that no script stands inline;
// everything else listens on the document, since Dash draws and redraws what is in it.
(function () {
  "use strict";

  // Plotly takes up the locales that it finds here when it is loaded.
  var words = document.getElementById("plotly-locale");
  if (words) {
    var locale = JSON.parse(words.textContent);
    window.PlotlyLocales = [{ moduleType: "locale", name: locale.name, dictionary: locale.dictionary, format: {} }];
  }

  var content = function (address) {
    return fetch(address, { credentials: "same-origin" }).then(function (answer) {
      if (!answer.ok) { throw new Error(address + ": " + answer.status); }
      return answer.text();
    });
  };

  // Choosing from a list of addresses goes there.
  document.addEventListener("change", function (event) {
    if (event.target.dataset && event.target.dataset.goto) { window.location.assign(event.target.value); }
  });

  // Long tables are fetched when their part of the page is opened for the first time.
  document.addEventListener("toggle", function (event) {
    var part = event.target;
    if (!part.dataset || !part.dataset.fragment || !part.open || part.dataset.fetched) { return; }
    part.dataset.fetched = "true";
    content(part.dataset.fragment).then(function (found) {
      part.querySelector(".fragment").innerHTML = found;
    }).catch(function () { delete part.dataset.fetched; });
  }, true);

  // The run form: checked while it is filled in, kept in the address, sent as JSON.
  var WAIT_MS = 250;
  var asked = 0;
  var timer = 0;

  var values = function (form) {
    var data = new FormData(form);
    var found = { arms: data.getAll("arms") };
    ["scenario", "baseline", "replications", "days", "seed", "owner"].forEach(function (name) {
      found[name] = String(data.get(name) || "");
    });
    return found;
  };

  var post = function (address, body) {
    return fetch(address, {
      method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    }).then(function (answer) { return answer.json(); });
  };

  var remember = function (found) {
    var address = new URL(window.location.href);
    Object.keys(found).forEach(function (name) {
      var value = name === "arms" ? found.arms.join(",") : found[name];
      if (name === "owner") { return; }
      if (value) { address.searchParams.set(name, value); } else { address.searchParams.delete(name); }
    });
    window.history.replaceState(window.history.state, "", address);
  };

  var complain = function (form, wrong) {
    form.querySelectorAll("[data-wrong]").forEach(function (place) {
      var name = place.dataset.wrong;
      var sentence = (wrong || {})[name] || "";
      if (place.textContent !== sentence) { place.textContent = sentence; }
      place.classList.toggle("problem", Boolean(sentence));
      form.querySelectorAll("[name='" + name + "']").forEach(function (field) {
        if (sentence) { field.setAttribute("aria-invalid", "true"); } else { field.removeAttribute("aria-invalid"); }
      });
    });
    form.querySelector("[type=submit]").disabled = Object.keys(wrong || {}).length > 0;
  };

  var check = function (form) {
    var found = values(form);
    var mine = ++asked;
    remember(found);
    post(form.dataset.check, found).then(function (answer) {
      if (mine !== asked) { return; }
      complain(form, answer.wrong);
      form.querySelector("#run-plan").innerHTML = answer.plan || "";
      form.dataset.checked = String(mine);
    });
  };

  document.addEventListener("input", function (event) {
    var form = event.target.form;
    if (!form || form.id !== "run-form") { return; }
    var key = event.target.dataset.remembered;
    if (key) { window.localStorage.setItem(key, event.target.value); }
    window.clearTimeout(timer);
    timer = window.setTimeout(check, WAIT_MS, form);
  });

  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.id !== "run-form") { return; }
    event.preventDefault();
    post(form.dataset.submit, values(form)).then(function (answer) {
      complain(form, answer.wrong);
      var said = form.querySelector("#run-said");
      said.textContent = answer.said || "";
      said.classList.toggle("said", Boolean(answer.said));
    });
  });

  var load = function (place) {
    if (place.dataset.loaded) { return; }
    place.dataset.loaded = "true";
    content(place.dataset.load).then(function (found) {
      place.innerHTML = found;
      place.querySelectorAll("[data-remembered]").forEach(function (field) {
        field.value = window.localStorage.getItem(field.dataset.remembered) || field.value;
      });
      var form = place.querySelector("#run-form");
      if (form) { check(form); }
    });
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.lab = {
    // A page's content stands: fetch what belongs into it, and go to the part that the address names.
    shown: function () {
      window.setTimeout(function () {
        document.querySelectorAll("[data-load]").forEach(load);
        document.body.dataset.ready = "true";
        var part = window.location.hash && document.getElementById(window.location.hash.slice(1));
        if (part) { part.scrollIntoView(); }
      }, 0);
      return "";
    },
  };
})();

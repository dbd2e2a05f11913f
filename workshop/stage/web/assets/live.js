// Follows the talk: the server sends the page's parts as HTML, and those that changed are put in their place.
"use strict";
(() => {
  const link = document.getElementById("link");
  const shown = new Map(); // the HTML that each part was last drawn from
  const first = new Map([...document.querySelectorAll("[id]")].map((place) => [place.id, place.innerHTML]));
  const drawn = document.createElement("template");
  let skew = 0; // the server's clock less this one's, in seconds
  let source;

  const say = (text) => { if (link) link.textContent = text; };

  function follow() {
    source = new EventSource("events");
    source.addEventListener("clock", (event) => { skew = Number(event.data) - Date.now() / 1000; tick(); });
    source.addEventListener("scene", (event) => { say(""); show(JSON.parse(event.data)); });
    source.onerror = () => {
      say("No connection to the talk. Trying again …");
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      setTimeout(follow, 2000 + Math.random() * 4000); // not all phones of a room at once
    };
  }

  function show(parts) {
    for (const [name, html] of Object.entries(parts)) {
      const place = document.getElementById(name);
      if (!place || shown.get(name) === html) continue;
      const before = shown.get(name);
      shown.set(name, html);
      drawn.innerHTML = html;
      // As the server drew it with the page: left alone, so that what was selected or pressed meanwhile stays so.
      if (before === undefined && drawn.innerHTML === first.get(name)) continue;
      const open = [...place.querySelectorAll("details")].map((each) => each.open);
      place.replaceChildren(drawn.content);
      place.querySelectorAll("details").forEach((each, at) => { if (open[at]) each.open = true; });
    }
    tick();
  }

  // -- copying: the clipboard's own interface is only there with https; the old one works everywhere

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    const line = button.parentElement.querySelector("pre");
    const range = document.createRange();
    range.selectNodeContents(line);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    button.textContent = document.execCommand("copy") ? "Copied" : "Selected";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });

  // -- the speaker's clock

  function text(seconds) {
    const whole = Math.round(Math.abs(seconds));
    const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    const two = (number) => String(number).padStart(2, "0");
    return (seconds <= -0.5 ? "-" : "") + (hours ? `${hours}:${two(minutes)}` : minutes) + ":" + two(rest);
  }

  function put(name, words, late) {
    const place = document.getElementById(name);
    if (!place) return;
    place.textContent = words;
    place.classList.toggle("late", Boolean(late));
  }

  function tick() {
    const clock = document.querySelector("[data-started]");
    if (!clock) return;
    const value = (name) => Number(clock.dataset[name]);
    if (!value("started")) return;
    const now = value("paused") || Date.now() / 1000 + skew;
    const elapsed = Math.max(0, now - value("started") - value("waited"));
    const step = Math.max(0, now - value("stepStarted"));
    const left = value("planned") - elapsed;
    const late = value("rest") + Math.max(0, value("stepPlanned") - step) - left;
    put("elapsed", text(elapsed), left < 0);
    put("left", text(left) + " left", left < 0);
    put("pace", Math.abs(late) < 30 ? "on time" : `${text(Math.abs(late))} ${late > 0 ? "behind" : "ahead"}`, late > 30);
    put("used", text(step), step > value("stepPlanned"));
  }
  setInterval(tick, 500);

  // -- driving

  const status = document.getElementById("told");
  document.addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = new FormData(event.target, event.submitter);
    const number = document.querySelector("[data-number]");
    if (number) form.set("seen", number.dataset.number);
    status.textContent = "…";
    try {
      const answer = await fetch("drive", { method: "POST", body: new URLSearchParams(form), redirect: "manual" });
      status.textContent = answer.type === "opaqueredirect" || answer.ok ? "" : await answer.text();
    } catch {
      status.textContent = "No connection: nothing was done.";
    }
  });

  if (document.body.dataset.live) follow();
})();

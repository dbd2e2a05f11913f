// Plays the frames that are in the page: rows of [text, style], frames of [time, columns, row numbers].
"use strict";
(() => {
  const film = JSON.parse(document.getElementById("film").textContent);
  if (!film.frames.length) return;
  const at = (id) => document.getElementById(id);
  const [screen, play, where, time, steps, speed] = ["screen", "play", "where", "time", "steps", "speed"].map(at);
  const end = film.frames[film.frames.length - 1][0] + 1;
  const lines = Array.from({ length: film.height }, () => screen.appendChild(document.createElement("div")));
  let now = 0, frame = -1, playing = false, last = 0;

  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

  function draw(number) {
    if (number === frame) return;
    const rows = film.frames[number][2], before = frame < 0 ? [] : film.frames[frame][2];
    screen.style.setProperty("--columns", film.columns);
    lines.forEach((line, row) => {
      if (frame >= 0 && rows[row] === before[row]) return;
      line.replaceChildren(...(film.rows[rows[row]] ?? []).map(([text, style]) => {
        const run = document.createElement("span");
        run.textContent = text;
        run.className = film.styles[style];
        return run;
      }));
    });
    frame = number;
  }

  function show() {
    let low = 0, high = film.frames.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (film.frames[middle][0] <= now) low = middle; else high = middle - 1;
    }
    draw(low);
    where.value = now;
    time.textContent = `${clock(now)} of ${clock(end)}`;
    let step = -1;
    film.marks.forEach((mark, number) => { if (mark[0] <= now) step = number; });
    if (document.activeElement !== steps) steps.selectedIndex = step;
  }

  function set(on) {
    playing = on;
    play.textContent = on ? "Pause" : "Play";
    last = performance.now();
    if (on) requestAnimationFrame(turn);
  }

  function turn(moment) {
    if (!playing) return;
    now += Math.max(0, moment - last) / 1000 * Number(speed.value);
    last = moment;
    if (now >= end) { now = end; set(false); }
    show();
    if (playing) requestAnimationFrame(turn);
  }

  function toggle() { if (!playing && now >= end) now = 0; set(!playing); }
  function go(label) {
    const mark = film.marks.find((each) => each[1] === label);
    if (mark) { now = mark[0]; show(); }
    return Boolean(mark);
  }

  film.marks.forEach(([, label, title]) => steps.add(new Option(title, label)));
  where.max = end;
  play.addEventListener("click", toggle);
  screen.parentElement.addEventListener("click", toggle);
  where.addEventListener("input", () => { now = Number(where.value); show(); });
  steps.addEventListener("change", () => { go(steps.value); steps.blur(); });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-step]");
    if (!button || !go(button.dataset.step)) return;
    screen.scrollIntoView({ block: "center" });
    set(true);
  });
  document.documentElement.classList.add("playing");
  document.querySelectorAll("button[data-step]").forEach((button) => { button.hidden = false; });
  show();
})();

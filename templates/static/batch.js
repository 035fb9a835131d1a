/** Follows a batch by its stream of events, or by asking where the stream does not get through. */
import { localise } from "./times.js";

const FILES_EVERY_MS = 5000;
const ASK_EVERY_MS = 3000;
const SLOWEST_MS = 30000;
const WORDS = ["done", "running", "waiting", "failed", "queued"];

const panel = document.querySelector("[data-batch]");
let refreshed = Date.now();
let failures = 0;
let pause = ASK_EVERY_MS;

function text(selector, value) {
  panel.querySelector(selector).textContent = value;
}

function showStage(stage) {
  const lane = panel.querySelector(`[data-stage="${stage.name}"]`);
  if (!lane) return;
  let start = 0;
  for (const word of WORDS) {
    const part = lane.querySelector(`[data-part="${word}"]`);
    part.setAttribute("x", start);
    part.setAttribute("width", stage[word]);
    start += stage[word];
  }
  const told = WORDS.filter((word) => stage[word] > 0).map((word) => `${stage[word]} ${word}`);
  lane.querySelector("[data-words]").textContent = told.join(", ") || "none yet";
}

function showWaiting(waiting) {
  panel.querySelector("[data-waiting]").hidden = waiting === null;
  if (waiting === null) return;
  text("[data-waiting-file]", waiting.file_id);
  text("[data-waiting-reason]", waiting.reason);
  const since = panel.querySelector("[data-waiting-since]");
  since.dateTime = waiting.since;
  since.textContent = waiting.since;
  localise(panel);
}

async function refreshFiles() {
  if (Date.now() - refreshed < FILES_EVERY_MS || document.hidden) return;
  refreshed = Date.now();
  const response = await fetch(window.location.href, { redirect: "error" });
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of ["[data-files]", "[data-outcomes]"]) {
    document.querySelector(part).replaceWith(page.querySelector(part));
  }
  localise(document);
}

function show(progress) {
  text("[data-over]", progress.over);
  progress.stages.forEach(showStage);
  showWaiting(progress.waiting);
  document.querySelector("[data-announce]").textContent =
    `${progress.over} of ${progress.files} files are over.`;
  if (progress.final) window.location.reload();
  else refreshFiles().catch(() => {});
}

async function ask() {
  try {
    const response = await fetch(panel.dataset.statusUrl, { redirect: "error" });
    if (!response.ok) throw new Error(`status ${response.status}`);
    show(await response.json());
    pause = ASK_EVERY_MS;
  } catch {
    pause = Math.min(pause * 2, SLOWEST_MS);
  }
  window.setTimeout(ask, pause);
}

function follow() {
  const source = new EventSource(panel.dataset.eventsUrl);
  const take = (event) => {
    failures = 0;
    show(JSON.parse(event.data));
  };
  source.addEventListener("progress", take);
  source.addEventListener("final", (event) => {
    source.close();
    take(event);
  });
  source.addEventListener("error", () => {
    failures += 1;
    if (source.readyState !== EventSource.CLOSED && failures < 3) return;
    source.close();
    ask();
  });
}

if (panel.dataset.final === "false") {
  if ("EventSource" in window) follow();
  else ask();
}

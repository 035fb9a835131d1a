/** Follows documents that are still being worked on, and stops when none is left. */
import { localise } from "./times.js";

const EVERY_MS = 2000;
const SLOWEST_MS = 30000;

let timer = 0;
let pause = EVERY_MS;

function unfinished() {
  return [...document.querySelectorAll("[data-document][data-final='false']")];
}

function say(text) {
  const region = document.querySelector("[data-announce]");
  if (region) region.textContent = text;
}

function show(element, status) {
  const badge = element.querySelector("[data-badge]");
  badge.dataset.tone = status.tone;
  badge.textContent = status.label;
  const why = element.querySelector("[data-why]");
  why.textContent = status.why;
  why.hidden = status.why === "";
  for (const stage of status.stages) {
    const part = element.querySelector(`[data-stage="${stage.name}"]`);
    if (!part) continue;
    part.dataset.state = stage.state;
    part.querySelector("[data-stage-text]").textContent = stage.text;
  }
  if (!status.final) return;
  element.dataset.final = "true";
  say(`${status.filename}: ${status.label}`);
  if (element.hasAttribute("data-reload")) window.location.reload();
}

async function ask() {
  const waiting = unfinished();
  if (waiting.length === 0) return;
  const address = new URL(document.querySelector("[data-status-url]").dataset.statusUrl, window.location);
  for (const element of waiting) address.searchParams.append("id", element.dataset.document);
  const response = await fetch(address, { headers: { Accept: "application/json" }, redirect: "error" });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const answer = await response.json();
  for (const element of waiting) {
    const status = answer.documents[element.dataset.document];
    if (status) show(element, status);
    else element.dataset.final = "true";
  }
}

async function tick() {
  try {
    if (!document.hidden) await ask();
    pause = EVERY_MS;
  } catch {
    pause = Math.min(pause * 2, SLOWEST_MS);
  }
  timer = 0;
  follow();
}

/** Begins to ask, unless nothing is unfinished or it already does. */
export function follow() {
  if (timer === 0 && unfinished().length > 0) timer = window.setTimeout(tick, pause);
}

/** Puts the server's present list of documents in place of the shown one. */
export async function refresh() {
  const list = document.querySelector("[data-list]");
  if (!list) return;
  const response = await fetch(window.location.href, { redirect: "error" });
  if (!response.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  list.replaceWith(page.querySelector("[data-list]"));
  localise(document);
  follow();
}

follow();

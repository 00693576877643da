// The page: listens to the sandbox, passes each part of the state to its view, and shows one view at a time.

import { attempt, button, call, clockText, form, h } from "./dom.js";
import { Credits, Keys } from "./account.js";
import { Faults } from "./faults.js";
import { Requests, Webhooks } from "./logs.js";
import { Videos } from "./videos.js";

const VIEWS = [["videos", "Videos"], ["requests", "Requests"], ["webhooks", "Webhooks"], ["credits", "Credits"], ["faults", "Faults"], ["keys", "Keys"]];
const find = (id) => document.getElementById(id);
const store = { options: null, clock: null, readAt: 0 };
let views = null;
const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

function build() {
  views = { videos: new Videos(store), requests: new Requests(), webhooks: new Webhooks(store), credits: new Credits(), faults: new Faults(store), keys: new Keys() };
  find("main").replaceChildren(...VIEWS.map(([name]) => views[name].element));
  showView();
}

function showView() {
  const wanted = VIEWS.some(([name]) => `#${name}` === location.hash) ? location.hash.slice(1) : "videos";
  for (const [name, label] of VIEWS) {
    if (views) views[name].element.hidden = name !== wanted;
    const link = find(`tab-${name}`);
    if (name === wanted) {
      link.setAttribute("aria-current", "page");
      const tabs = find("tabs"); // on a phone, they are wider than the window
      tabs.scrollLeft += link.getBoundingClientRect().left - tabs.getBoundingClientRect().left - tabs.clientWidth / 3;
      document.title = `${label} · Bluma sandbox`;
    } else link.removeAttribute("aria-current");
  }
}

function setCount(name, value, isAlert = false) {
  const count = find(`tab-${name}`).querySelector(".count");
  count.textContent = value ? value.toLocaleString("en") : "";
  count.classList.toggle("alert", isAlert);
}

function apply(data, isWhole) {
  if (isWhole) {
    // Another sandbox may be on the same port after a reconnection: with other options, the forms are built anew.
    const isOther = !isSame(store.options, data.options);
    store.options = data.options;
    if (isOther) build();
    views.videos.reset(data.cards);
    views.requests.update(data.requests, true);
    views.webhooks.update(data.deliveries, true);
    views.credits.reset(data.transactions);
  } else {
    if (data.cards) views.videos.update(data.cards);
    if (data.requests) views.requests.update(data.requests, data.is_log_cleared);
    if (data.deliveries) views.webhooks.update(data.deliveries);
    if (data.transactions) views.credits.update(data.transactions);
  }
  if (data.webhooks) views.webhooks.showEndpoints(data.webhooks);
  if (data.keys) views.keys.show(data.keys);
  if (data.faults) views.faults.showFaults(data.faults);
  if (data.cruelty) views.faults.showCruelty(data.cruelty);
  if (data.account) showAccount(data.account);
  if (data.clock) showClock(data.clock);
  setCount("videos", views.videos.cards.size);
  if (data.faults) setCount("faults", data.faults.length, true);
}

function showAccount(account) {
  views.credits.showAccount(account);
  find("balance").textContent = account.credits.toLocaleString("en");
  setCount("requests", account.requests);
}

function showClock(clock) {
  const pace = ({ time, ...rest }) => rest; // everything that the controls show
  const changed = !store.clock || !isSame(pace(store.clock), pace(clock));
  store.clock = clock;
  store.readAt = performance.now();
  tick();
  if (!changed) return;
  const pause = find("pause");
  pause.hidden = clock.kind === "manual";
  pause.textContent = clock.is_paused ? "Resume" : "Pause";
  find("pace").textContent = clock.kind === "manual" ? "manual clock" : clock.is_paused ? "paused" : clock.speed === 1 ? "UTC" : `UTC, ${clock.speed} × as fast`;
  for (const control of find("moves").querySelectorAll("button, input")) control.disabled = !clock.is_paused;
  find("moves").hidden = !clock.is_paused;
}

function tick() {
  if (!store.clock) return;
  const { time, speed, is_paused: isPaused } = store.clock;
  const now = isPaused ? time : time + ((performance.now() - store.readAt) / 1000) * speed;
  find("now").textContent = clockText(now);
  find("now").dateTime = new Date(now * 1000).toISOString();
}

const pause = () => store.clock && store.clock.kind === "real" && attempt(() => call("POST", "clock", { paused: !store.clock.is_paused }));
const advance = (seconds) => attempt(() => call("POST", "clock", { advance: seconds }));

function buildClock() {
  find("pause").addEventListener("click", pause);
  const moves = [[5, "+5 s"], [105, "+105 s"], [3600, "+1 h"]].map(([seconds, label]) => button(label, () => advance(seconds), { "aria-label": `Advance the clock by ${seconds} seconds` }));
  const seconds = h("input", { type: "number", name: "seconds", min: 0, step: "any", placeholder: "seconds", "aria-label": "Seconds to advance", required: true });
  find("moves").append(...moves, form({}, (data, element) => { advance(Number(data.get("seconds"))); element.reset(); }, seconds, h("button", { type: "submit" }, "Advance")));
  find("moves").hidden = true;
  setInterval(tick, 250);
}

function buildTheme() {
  const themes = ["auto", "light", "dark"];
  const set = (theme) => {
    document.documentElement.dataset.theme = theme;
    find("theme").replaceChildren(h("span", {}, "Theme: "), theme);
  };
  const read = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  set(themes.includes(read()) ? read() : "auto");
  find("theme").addEventListener("click", () => {
    const next = themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length];
    set(next);
    try { localStorage.setItem("theme", next); } catch { /* the choice lasts until the page is closed */ }
  });
}

function listen() {
  // A hidden page closes its stream: browsers allow a host six connections, and each stream takes one.
  let source = null;
  const say = (text, isLive) => {
    find("link").textContent = text;
    find("link").classList.toggle("live", isLive);
  };
  const open = () => {
    if (source || document.hidden) return;
    source = new EventSource("/_sandbox/events");
    source.addEventListener("snapshot", (event) => { apply(JSON.parse(event.data), true); say("live", true); });
    source.addEventListener("changes", (event) => apply(JSON.parse(event.data), false));
    source.addEventListener("error", () => say("no answer, trying again", false));
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) open();
    else if (source) { source.close(); source = null; }
  });
  open();
}

function handleKey(event) {
  const isTyping = event.target.closest("input, select, textarea, video");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || !views) return;
  const view = VIEWS[Number(event.key) - 1];
  if (view) location.hash = view[0];
  else if (event.key === "p") pause();
  else if (event.key === "/") {
    const search = find("main").querySelector("section:not([hidden]) input[type=search]");
    if (search) { event.preventDefault(); search.focus(); }
  }
}

find("tabs").append(...VIEWS.map(([name, label]) => h("li", {}, h("a", { href: `#${name}`, id: `tab-${name}` }, label, h("span", { class: "count" })))));
window.addEventListener("hashchange", showView);
document.addEventListener("keydown", handleKey);
buildTheme();
buildClock();
showView();
listen();

// The request log, and webhooks with their deliveries: lines that open to show both sides of the exchange.

import { attempt, bothSides, button, call, clockText, field, form, h, row, secretPanel, table } from "./dom.js";

const MOST = 500;
const ENDPOINTS = ["URL", "Events", "State", ""];

function codeClass(status) {
  if (status === null || status >= 500) return "code bad";
  return status >= 400 ? "code warn" : "code good";
}

class Log {
  constructor(label, makeLine, makeDetail) {
    this.makeLine = makeLine;
    this.makeDetail = makeDetail;
    this.items = new Map();
    this.element = h("ol", { class: "log", "aria-label": label });
  }

  add(lines) {
    const fresh = lines.filter((data) => !this.items.has(data.id)).map((data) => this.makeItem(data)).reverse();
    this.element.prepend(...fresh);
    while (this.items.size > MOST) this.remove(this.items.keys().next().value);
  }

  // After a reconnection, lines that are still there stay open.
  reset(lines) {
    const kept = new Set(lines.map((data) => data.id));
    for (const id of [...this.items.keys()]) if (!kept.has(id)) this.remove(id);
    this.add(lines);
  }

  remove(id) {
    this.items.get(id).remove();
    this.items.delete(id);
  }

  makeItem(data) {
    const details = h("details", {}, h("summary", { class: "line" }, ...this.makeLine(data)));
    let isLoaded = false;
    details.addEventListener("toggle", () => {
      if (!details.open || isLoaded) return;
      isLoaded = true;
      const box = h("div", { class: "detail" }, h("p", { class: "quiet" }, "Loading"));
      details.append(box);
      attempt(async () => box.replaceChildren(...(await this.makeDetail(data))))
        .then(() => { if (box.textContent === "Loading") box.textContent = "It is not kept any more."; });
    });
    const item = h("li", {}, details);
    item.dataset.text = JSON.stringify(data).toLowerCase();
    this.items.set(data.id, item);
    return item;
  }
}

const quiet = (text) => h("span", { class: "quiet late" }, text);

export class Requests {
  constructor() {
    this.log = new Log("Requests, newest first", (data) => [
      h("span", { class: "verb mono" }, data.method),
      h("span", { class: codeClass(data.status) }, data.status === null ? "cut" : String(data.status)),
      h("span", { class: "path mono", title: data.path }, data.path + (data.query ? `?${data.query}` : "")),
      quiet([data.key, `${data.latency} ms`].filter(Boolean).join(" · ")), quiet(clockText(data.at)),
    ], async (data) => {
      const whole = await call("GET", `requests/${data.id}`);
      const facts = [whole.route, whole.video_id && `video ${whole.video_id}`, whole.idempotency_key && `Idempotency-Key ${whole.idempotency_key}`];
      return [h("p", { class: "quiet mono" }, facts.filter(Boolean).join(" · ")), bothSides(whole)];
    });
    this.search = h("input", { type: "search", placeholder: "Search path, status, id", oninput: () => this.apply() });
    this.empty = h("div", { class: "empty" }, h("b", {}, "No requests yet"), h("p", {}, "Every request to the API appears here, with its body and its answer."));
    this.element = h("section", { "aria-label": "Requests" },
      h("div", { class: "bar" }, h("h2", {}, "Requests"),
        button("Clear the log", () => attempt(() => call("DELETE", "requests"))),
        h("label", { class: "search", "aria-label": "Search requests" }, this.search)),
      this.empty, this.log.element);
  }

  update(lines, isWhole = false) {
    if (isWhole) this.log.reset(lines);
    else this.log.add(lines);
    this.empty.hidden = this.log.items.size > 0;
    if (this.search.value) this.apply();
  }

  apply() {
    const words = this.search.value.trim().toLowerCase();
    for (const item of this.log.element.children) item.hidden = !item.dataset.text.includes(words);
  }
}

export class Webhooks {
  constructor(store) {
    this.log = new Log("Deliveries, newest first", (data) => [
      h("span", { class: "verb mono" }, `try ${data.attempt}`),
      h("span", { class: codeClass(data.status) }, data.status === null ? "none" : String(data.status)),
      h("span", { class: "path" }, h("b", {}, data.name), " ", h("span", { class: "quiet mono" }, data.url)),
      quiet(data.next_at ? `again at ${clockText(data.next_at)}` : `${data.milliseconds} ms`), quiet(clockText(data.at)),
    ], async (data) => {
      const whole = await call("GET", `deliveries/${data.id}`);
      const again = button("Send again", () => attempt(() => call("POST", `deliveries/${data.id}/resend`), "It is sent again."), { class: "main" });
      return [h("div", { class: "row" }, again, whole.error ? h("span", { class: "code bad" }, whole.error) : null), bothSides(whole)];
    });
    this.list = h("tbody");
    this.secrets = h("div", { class: "stack" });
    this.none = h("p", { class: "quiet" }, "No endpoint is registered. A create may also name a webhook_url of its own.");
    this.table = table(ENDPOINTS, this.list);
    this.empty = h("div", { class: "empty" }, h("b", {}, "No deliveries yet"), h("p", {}, "Events and callbacks appear here, with the endpoint's answer."));
    this.element = h("section", { "aria-label": "Webhooks", class: "stack" },
      h("div", { class: "panels" },
        h("div", { class: "panel stack" }, h("h3", {}, "Endpoints"), this.none, h("div", { class: "wrap" }, this.table), this.secrets),
        h("div", { class: "panel" }, h("h3", {}, "Register an endpoint"), this.makeForm(store))),
      h("h2", {}, "Deliveries"), this.empty, this.log.element);
  }

  makeForm(store) {
    const events = store.options.events.map((name) =>
      h("label", { class: "check" }, h("input", { type: "checkbox", name: "event", value: name, checked: name.startsWith("video.c") || name === "video.failed" }), name));
    return form({ class: "stack" }, (data, element) => attempt(async () => {
      const made = await call("POST", "webhooks", { url: data.get("url"), events: data.getAll("event") });
      this.secrets.replaceChildren(secretPanel("Secret of the new endpoint", made.secret));
      element.reset();
    }, "The endpoint is registered."),
    field("URL", h("input", { type: "url", name: "url", required: true, placeholder: "http://localhost:8000/hook" })),
    h("div", { class: "settings", role: "group", "aria-label": "Events" }, ...events),
    h("div", {}, h("button", { class: "main", type: "submit" }, "Register")));
  }

  showEndpoints(rows) {
    this.none.hidden = rows.length > 0;
    this.table.hidden = rows.length === 0;
    this.list.replaceChildren(...rows.map((each) => row(ENDPOINTS,
      { class: "mono", content: [each.url] }, { class: "quiet", content: [each.events.join(", ")] },
      { content: [each.is_active ? h("span", { class: "state completed" }, "active") : h("span", { class: "state failed" }, "inactive"),
        each.failures ? h("span", { class: "quiet" }, ` ${each.failures} failures in a row`) : null] },
      { class: "right", content: [button("Delete", () => attempt(() => call("DELETE", `webhooks/${each.id}`), "The endpoint is deleted."),
        { class: "risk", "aria-label": `Delete the endpoint ${each.url}` })] })));
  }

  update(lines, isWhole = false) {
    if (isWhole) this.log.reset(lines);
    else this.log.add(lines);
    this.empty.hidden = this.log.items.size > 0;
  }
}
